{{ config(materialized="view") }}
-- Roles decide whose scores count. A run's own role is the one its version had when it began.
with

    runs as (
        select
            run_id,
            feature_set,
            model_version,
            started_at,
            committed_at,
            JSONExtractBool(parameters, 'production') as is_asked_for
        from {{ source("ml", "runs") }}
        where kind = 'score'
    ),

    promotions as (select * from {{ source("ml", "promotions") }}),

    began_as as (
        select runs.run_id as run_id, argMax(toString(promotions.role), promotions.promoted_at) as role
        from runs
        inner join
            promotions
            on promotions.feature_set = runs.feature_set
            and promotions.model_version = runs.model_version
        where promotions.promoted_at <= runs.started_at
        group by run_id
    ),

    decided as (select feature_set, max(promoted_at) as decided_at from promotions group by feature_set)

select
    runs.run_id as run_id,
    runs.feature_set as feature_set,
    runs.model_version as model_version,
    runs.committed_at as committed_at,
    toUInt8(
        multiIf(
            champions.model_version = runs.model_version,
            2,
            runs.is_asked_for and runs.started_at > ifNull(decided.decided_at, toDateTime64(0, 3, 'UTC')),
            2,
            roles.role in ('challenger', 'retired'),
            0,
            1
        )
    ) as standing
from runs
left join {{ ref("champions") }} as champions on champions.feature_set = runs.feature_set
left join decided on decided.feature_set = runs.feature_set
left join
    {{ ref("model_roles") }} as roles
    on roles.feature_set = runs.feature_set
    and roles.model_version = runs.model_version
left join began_as on began_as.run_id = runs.run_id
where
    runs.is_asked_for
    or ifNull(champions.model_version, '') = runs.model_version
    or ifNull(began_as.role, '') not in ('challenger', 'retired')
