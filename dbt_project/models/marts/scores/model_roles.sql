{{ config(materialized="view") }}
-- The latest decision about a version counts; those of old that name no role made a champion.
select
    feature_set,
    model_version,
    argMax(if(role = '', 'champion', toString(role)), promotions.promoted_at) as role,
    max(promotions.promoted_at) as promoted_at
from {{ source("ml", "promotions") }} as promotions
group by feature_set, model_version
