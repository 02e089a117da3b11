{{ config(materialized="view") }}
-- The version promoted last speaks for its feature set.
select feature_set, argMax(model_version, (promoted_at, model_version)) as model_version
from {{ source("ml", "promotions") }}
group by feature_set
