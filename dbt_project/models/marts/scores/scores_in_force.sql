{{ config(materialized="view") }}
-- One voice per subject and target: the champion's latest score, where there is none the latest.
select * except (rank)
from
    (
        select
            scores.*,
            row_number() over (
                partition by scores.subject_id, scores.target
                order by champions.model_version is not null desc, scores.run_committed_at desc, scores.run_id
            ) as rank
        from {{ ref("scores_committed") }} as scores
        left join
            {{ ref("champions") }} as champions
            on champions.feature_set = scores.feature_set
            and champions.model_version = scores.model_version
    )
where rank = 1
