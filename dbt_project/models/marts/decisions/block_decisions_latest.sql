{{ config(materialized="view") }}
-- The latest decision about a source stands.
select * except (recency)
from
    (
        select
            *, row_number() over (partition by candidate_id order by decided_at desc, decision_id) as recency
        from {{ source("ml", "block_decisions") }}
    )
where recency = 1
