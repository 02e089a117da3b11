{{ config(materialized="view") }}
-- One voice per subject and target: of the runs that stand highest the latest.
select * except (rank)
from
    (
        select
            scores.*,
            row_number() over (
                partition by scores.subject_id, scores.target
                order by runs.standing desc, scores.run_committed_at desc, scores.run_id
            ) as rank
        from {{ ref("scores_committed") }} as scores
        inner join {{ ref("production_runs") }} as runs on runs.run_id = scores.run_id
    )
where rank = 1
