{{
    config(
        materialized="by_day",
        on_schema_change="fail",
        engine=table_engine(),
        order_by="(event_date, app_id, publisher, subpublisher)",
        partition_by="event_date",
        contract={"enforced": true},
    )
}}
{%- set days = days_to_build(
    [
        {"from": ref("clicks")},
        {"from": ref("labels"), "defines_days": 0},
        scored_days("click"),
    ]
) %}

with

    scores as (
        select subject_id, score
        from {{ ref("scores_in_force") }}
        where subject = 'click' and {{ in_days(days, "toDate(subject_at)") }}
    ),

    conversions as (
        select distinct subject_id
        from {{ ref("labels") }}
        where subject = 'click' and value = 1 and {{ in_days(days) }}
    )

select
    clicks.event_date as event_date,
    clicks.app_id as app_id,
    clicks.publisher as publisher,
    toLowCardinality(ifNull(clicks.subpublisher, '')) as subpublisher,
    count() as clicks,
    sum(clicks.duplicate_count) as duplicate_clicks,
    count(conversions.subject_id) as conversions,
    count(scores.score) as scored_clicks,
    sum(ifNull(scores.score, 0)) as sum_of_scores
from (select * from {{ ref("clicks") }} where {{ in_days(days) }}) as clicks
left join scores on scores.subject_id = clicks.click_id
left join conversions on conversions.subject_id = clicks.click_id
group by event_date, app_id, publisher, subpublisher
