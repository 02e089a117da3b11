{{ config(materialized="view") }}
-- Days that drift is measured against: those the champion learned from, else the latest model
-- that is neither challenger nor retired.
select
    feature_set,
    toDate(argMax(trained_from, rank)) as from_date,
    toDate(argMax(trained_to, rank)) as to_date,
    argMax(model_version, rank) as model_version
from
    (
        select
            models.feature_set as feature_set,
            models.model_version as model_version,
            models.trained_from as trained_from,
            models.trained_to as trained_to,
            (
                ifNull(champions.model_version, '') != '',
                ifNull(roles.role, '') not in ('challenger', 'retired'),
                models.trained_at,
                models.model_version
            ) as rank
        from {{ source("ml", "models") }} as models
        left join {{ ref("champions") }} as champions on champions.model_version = models.model_version
        left join {{ ref("model_roles") }} as roles on roles.model_version = models.model_version
        where models.model_version in (select run_id from {{ source("ml", "runs") }} where kind = 'train')
    )
group by feature_set
