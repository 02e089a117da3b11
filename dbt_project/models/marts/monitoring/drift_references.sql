{{ config(materialized="view") }}
-- Days that drift is measured against: those the champion learned from, else the latest model.
select
    feature_set,
    toDate(argMax(trained_from, rank)) as from_date,
    toDate(argMax(trained_to, rank)) as to_date,
    argMax(model_version, rank) as model_version
from
    (
        select models.*, (champions.promoted_at is not null, models.trained_at, models.model_version) as rank
        from {{ source("ml", "models") }} as models
        left join {{ ref("champions") }} as champions on champions.model_version = models.model_version
        where models.model_version in (select run_id from {{ source("ml", "runs") }} where kind = 'train')
    )
group by feature_set
