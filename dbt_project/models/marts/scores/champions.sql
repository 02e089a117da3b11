{{ config(materialized="view") }}
-- A version's latest promotion counts; of those that are champions, the one promoted last.
with

    roles as (
        select
            feature_set,
            model_version,
            argMax(role, promoted_at) as role,
            max(promotions.promoted_at) as promoted_at
        from {{ source("ml", "promotions") }} as promotions
        group by feature_set, model_version
    )

select
    feature_set,
    argMax(model_version, (roles.promoted_at, model_version)) as model_version,
    max(roles.promoted_at) as promoted_at
from roles
where role in ('champion', '')
group by feature_set
