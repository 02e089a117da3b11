{{ config(materialized="view") }}

with

    scores as (select * from {{ ref("scores_current") }} where subject = 'install'),

    installs as (select * from {{ ref("installs") }})

select
    scores.subject_id as install_id,
    scores.subject_at as installed_at,
    toDate(scores.subject_at) as event_date,
    installs.app_id as app_id,
    installs.publisher as publisher,
    installs.subpublisher as subpublisher,
    installs.country as country,
    installs.platform as platform,
    installs.is_organic as is_organic,
    installs.is_blocked as is_blocked,
    installs.ctit_seconds as ctit_seconds,
    installs.payout as payout,
    installs.payout_currency as payout_currency,
    scores.target as target,
    scores.model_version as model_version,
    scores.score as score,
    scores.threshold_name as threshold_name,
    scores.threshold as threshold,
    scores.is_flagged as is_flagged,
    arrayMap(
        (name, value) -> name || ' = ' || value, scores.reason_features, scores.reason_values
    ) as reasons,
    scores.run_id as run_id,
    scores.scored_at as scored_at
from scores
left join installs on installs.install_id = scores.subject_id
