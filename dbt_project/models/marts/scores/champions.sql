{{ config(materialized="view") }}
-- Of the versions whose latest role is champion, the one promoted last.
select
    feature_set,
    argMax(roles.model_version, (roles.promoted_at, roles.model_version)) as model_version,
    max(roles.promoted_at) as promoted_at
from {{ ref("model_roles") }} as roles
where role = 'champion'
group by feature_set
