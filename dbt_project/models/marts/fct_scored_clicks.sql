{{ config(materialized="view") }}

with

    scores as (select * from {{ ref("scores_current") }} where subject = 'click'),

    clicks as (select * from {{ ref("clicks") }})

select
    scores.subject_id as click_id,
    scores.subject_at as clicked_at,
    toDate(scores.subject_at) as event_date,
    clicks.app_id as app_id,
    clicks.publisher as publisher,
    clicks.subpublisher as subpublisher,
    clicks.country as country,
    clicks.platform as platform,
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
left join clicks on clicks.click_id = scores.subject_id
