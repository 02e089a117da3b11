{{ config(materialized="view") }}
-- The latest committed run speaks for a subject, target and model version.
select * except (recency)
from
    (
        select
            *,
            row_number() over (
                partition by subject_id, target, model_version order by run_committed_at desc, run_id
            ) as recency
        from {{ ref("scores_committed") }}
    )
where recency = 1
