{{ config(materialized="view") }}
-- Every score of every committed run: the history.
select scores.*, runs.committed_at as run_committed_at
from {{ source("ml", "scores") }} as scores
inner join {{ source("ml", "runs") }} as runs on runs.run_id = scores.run_id and runs.kind = 'score'
