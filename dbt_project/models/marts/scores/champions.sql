{{ config(materialized="view") }}
-- A version's latest promotion counts; of those that are champions, the one promoted last.
with

    roles as (
        select
            feature_set,
            model_version,
            argMax(role, promotions.promoted_at) as last_role,
            max(promotions.promoted_at) as last_promoted_at
        from {{ source("ml", "promotions") }} as promotions
        group by feature_set, model_version
    )

select
    feature_set,
    argMax(roles.model_version, (last_promoted_at, roles.model_version)) as model_version,
    max(last_promoted_at) as promoted_at
from roles
where last_role in ('champion', '')
group by feature_set
