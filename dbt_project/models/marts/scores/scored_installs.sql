{{
    config(
        materialized="by_day",
        on_schema_change="fail",
        engine=table_engine(),
        order_by="(event_date, event_at, install_id)",
        partition_by="event_date",
        contract={"enforced": true},
    )
}}
-- Every model's latest score beside what an install is counted by, so that one scan slices them all.
{%- set days = days_to_build(
    [
        {"from": ref("install_facts")},
        {"from": ref("installs"), "defines_days": 0},
        scored_days("install"),
    ]
) %}

with

    committed as (
        select run_id, committed_at from {{ source("ml", "runs") }} where kind in ('score', 'shadow')
    ),

    latest as (
        select
            scores.subject_id as subject_id,
            scores.model_version as model_version,
            argMin(
                tuple(scores.score, scores.probability),
                (- toUnixTimestamp64Milli(committed.committed_at), scores.run_id)
            ) as said
        from {{ source("ml", "scores") }} as scores
        inner join committed on committed.run_id = scores.run_id
        where
            scores.subject = 'install'
            and scores.target = 'is_fraud'
            and {{ in_days(days, "toDate(scores.subject_at)") }}
        group by subject_id, model_version
    ),

    scored as (
        select subject_id, arraySort(groupArray((toString(model_version), said .1, said .2))) as said_by
        from latest
        group by subject_id
    ),

    facts as (select * from {{ ref("install_facts") }} where {{ in_days(days) }}),

    installs as (select * from {{ ref("installs") }} where {{ in_days(days) }})

select
    facts.install_id as install_id,
    facts.event_at as event_at,
    facts.event_date as event_date,
    toUInt8(toHour(facts.event_at)) as hour,
    facts.app_id as app_id,
    toLowCardinality(nullIf(toString(facts.publisher), '')) as publisher,
    toLowCardinality(
        if(
            facts.subpublisher = '',
            null,
            {{ subpublisher_label("toString(facts.publisher)", "toString(facts.subpublisher)") }}
        )
    ) as subpublisher,
    installs.country as country,
    toLowCardinality(
        nullIf(trim(concat(ifNull(installs.platform, ''), ' ', ifNull(installs.os_version, ''))), '')
    ) as os,
    installs.carrier as carrier,
    facts.is_organic as is_organic,
    facts.is_blocked as is_blocked,
    facts.ctit_seconds as ctit_seconds,
    facts.has_verdict as has_verdict,
    if(facts.is_blocked, null, facts.payout_stated) as payout_stated,
    facts.payout_currency as payout_currency,
    if(facts.is_blocked, null, facts.payout) as payout,
    facts.dispute_cost as dispute_cost,
    facts.review_cost as review_cost,
    facts.currency as currency,
    CAST(scored.said_by .1, 'Array(LowCardinality(String))') as model_versions,
    scored.said_by .2 as scores,
    scored.said_by .3 as probabilities
from facts
inner join scored on scored.subject_id = facts.install_id
inner join installs on installs.install_id = facts.install_id
