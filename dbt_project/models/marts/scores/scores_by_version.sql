{{ config(materialized="view") }}
-- What each version says of a subject, whether it counts or not.
select
    scores.* except (recency),
    toLowCardinality(
        multiIf(
            champions.model_version = scores.model_version,
            'champion',
            roles.role in ('challenger', 'retired'),
            toString(roles.role),
            ''
        )
    ) as role
from
    (
        select
            scores.*,
            if(runs.kind = 'shadow', 1, 0) as is_shadow,
            row_number() over (
                partition by scores.subject_id, scores.target, scores.model_version
                order by runs.committed_at desc, scores.run_id
            ) as recency
        from {{ source("ml", "scores") }} as scores
        inner join
            {{ source("ml", "runs") }} as runs
            on runs.run_id = scores.run_id
            and runs.kind in ('score', 'shadow')
    ) as scores
left join {{ ref("model_roles") }} as roles on roles.model_version = scores.model_version
left join {{ ref("champions") }} as champions on champions.model_version = scores.model_version
where scores.recency = 1
