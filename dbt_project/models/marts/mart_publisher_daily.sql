{{
    config(
        materialized="by_day",
        on_schema_change="fail",
        engine=table_engine(),
        order_by="(event_date, app_id, publisher)",
        partition_by="event_date",
        contract={"enforced": true},
    )
}}
{%- set days = days_to_build(
    [
        {"from": ref("clicks")},
        {"from": ref("installs"), "defines_days": 1},
        {"from": ref("labels"), "defines_days": 0},
        {
            "from": source("ml", "scores"),
            "date": "toDate(subject_at)",
            "fingerprint": "run_id, subject_id",
            "where": "run_id in (select run_id from " ~ source("ml", "runs") ~ ")",
            "defines_days": 0,
        },
    ]
) %}

with

    latest_scores as (
        select
            subject_id,
            subject,
            argMax(score, (run_committed_at, run_id)) as score,
            argMax(is_flagged, (run_committed_at, run_id)) as is_flagged
        from {{ ref("scores_committed") }}
        where {{ in_days(days, "toDate(subject_at)") }}
        group by subject_id, subject, target
    ),

    verdicts as (
        select subject_id, max(value) as is_positive
        from {{ ref("labels") }}
        where {{ in_days(days) }}
        group by subject_id
    ),

    clicks as (
        select
            clicks.event_date as event_date,
            clicks.app_id as app_id,
            clicks.publisher as publisher,
            count() as clicks,
            sum(clicks.duplicate_count) as duplicate_clicks,
            countIf(scores.score is not null) as scored_clicks,
            countIf(verdicts.is_positive = 1) as conversions,
            avgOrNull(scores.score) as mean_conversion_score
        from {{ ref("clicks") }} as clicks
        left join latest_scores as scores on scores.subject_id = clicks.click_id
        left join verdicts on verdicts.subject_id = clicks.click_id
        where {{ in_days(days, "clicks.event_date") }}
        group by event_date, app_id, publisher
    ),

    installs as (
        select
            installs.event_date as event_date,
            installs.app_id as app_id,
            installs.publisher as publisher,
            count() as installs,
            sum(installs.is_blocked) as blocked_installs,
            countIf(verdicts.is_positive = 1) as verdicts_of_fraud,
            quantileExactOrNull(0.5)
            (installs.ctit_seconds) as ctit_median_seconds,
            avgOrNullIf(
                installs.ctit_seconds < 10, installs.ctit_seconds is not null
            ) as ctit_under_10s_share,
            avgOrNullIf(
                installs.ctit_seconds > 3600, installs.ctit_seconds is not null
            ) as ctit_over_1h_share,
            countIf(scores.score is not null) as scored_installs,
            countIf(scores.is_flagged = 1) as flagged_installs,
            avgOrNull(scores.score) as mean_fraud_score,
            sumOrNullIf(installs.payout, scores.is_flagged = 1) as flagged_payout
        from {{ ref("installs") }} as installs
        left join latest_scores as scores on scores.subject_id = installs.install_id
        left join verdicts on verdicts.subject_id = installs.install_id
        where {{ in_days(days, "installs.event_date") }}
        group by event_date, app_id, publisher
    ),

    keys as (
        select event_date, app_id, publisher
        from clicks
        union distinct
        select event_date, app_id, publisher
        from installs
    )

select
    keys.event_date as event_date,
    keys.app_id as app_id,
    keys.publisher as publisher,
    coalesce(clicks.clicks, 0) as clicks,
    coalesce(clicks.duplicate_clicks, 0) as duplicate_clicks,
    coalesce(clicks.scored_clicks, 0) as scored_clicks,
    coalesce(clicks.conversions, 0) as conversions,
    clicks.mean_conversion_score as mean_conversion_score,
    coalesce(installs.installs, 0) as installs,
    coalesce(installs.blocked_installs, 0) as blocked_installs,
    coalesce(installs.verdicts_of_fraud, 0) as verdicts_of_fraud,
    installs.ctit_median_seconds as ctit_median_seconds,
    installs.ctit_under_10s_share as ctit_under_10s_share,
    installs.ctit_over_1h_share as ctit_over_1h_share,
    coalesce(installs.scored_installs, 0) as scored_installs,
    coalesce(installs.flagged_installs, 0) as flagged_installs,
    if(scored_installs = 0, null, flagged_installs / scored_installs) as flagged_share,
    {{ wilson_low("flagged_installs", "scored_installs") }} as flagged_share_low,
    {{ wilson_high("flagged_installs", "scored_installs") }} as flagged_share_high,
    installs.mean_fraud_score as mean_fraud_score,
    installs.flagged_payout as flagged_payout
from keys
left join
    clicks
    on clicks.event_date = keys.event_date
    and clicks.app_id = keys.app_id
    and clicks.publisher = keys.publisher
left join
    installs
    on installs.event_date = keys.event_date
    and installs.app_id = keys.app_id
    and installs.publisher = keys.publisher
