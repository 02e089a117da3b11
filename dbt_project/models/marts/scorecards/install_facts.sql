{{
    config(
        materialized="by_day",
        on_schema_change="fail",
        engine=table_engine(),
        order_by="(event_date, app_id, publisher, install_id)",
        partition_by="event_date",
        contract={"enforced": true},
    )
}}
{%- set days = days_to_build(
    [
        {"from": ref("installs")},
        {"from": ref("feat_install_by_device"), "defines_days": 0},
        {"from": ref("labels"), "defines_days": 0},
        {"from": ref("app_events"), "lookahead": 8, "defines_days": 0},
        {
            "from": ref("install_economics"),
            "date": "event_date",
            "fingerprint": "tuple(*)",
            "defines_days": 0,
        },
        {
            "from": ref("rates_in_force"),
            "date": "event_date",
            "fingerprint": "tuple(*)",
            "defines_days": 0,
        },
        scored_days("install"),
    ]
) %}

with

    verdicts as (
        select subject_id, max(latest_value) as is_positive
        from
            (
                select subject_id, verdict_source, {{ latest_verdict() }} as latest_value
                from {{ ref("labels") }}
                where subject = 'install' and target = 'is_fraud' and {{ in_days(days) }}
                group by subject_id, verdict_source
            )
        group by subject_id
    ),

    scores as (
        select
            subject_id,
            score,
            is_flagged,
            arrayMap((name, value) -> name || ' = ' || value, reason_features, reason_values) as reasons
        from {{ ref("scores_in_force") }}
        where subject = 'install' and target = 'is_fraud' and {{ in_days(days, "toDate(subject_at)") }}
    ),

    installs as (select * from {{ ref("installs") }} where {{ in_days(days) }}),

    -- The first event of each day after the install; day n is [n, n + 1) days after it.
    later as (
        select
            installs.install_id as install_id,
            maxIf(
                1,
                intDiv(
                    toUnixTimestamp64Milli(events.event_at) - toUnixTimestamp64Milli(installs.event_at),
                    86400000
                )
                = 1
            ) as is_back_d1,
            maxIf(
                1,
                intDiv(
                    toUnixTimestamp64Milli(events.event_at) - toUnixTimestamp64Milli(installs.event_at),
                    86400000
                )
                = 7
            ) as is_back_d7
        from {{ ref("app_events") }} as events
        inner join installs on installs.install_id = events.install_id
        where {{ in_days_with_lookahead(days, 8, "events.event_date") }}
        group by install_id
    ),

    -- Retention is unknown until the events of a day have come.
    known_until as (select max(event_date) as last_day from {{ ref("app_events") }})

select
    installs.install_id as install_id,
    installs.event_at as event_at,
    installs.event_date as event_date,
    installs.app_id as app_id,
    installs.publisher as publisher,
    toLowCardinality(ifNull(installs.subpublisher, '')) as subpublisher,
    installs.is_organic as is_organic,
    installs.is_blocked as is_blocked,
    installs.duplicate_count as duplicate_count,
    installs.ctit_seconds as ctit_seconds,
    devices.device__is_new_to_installs_7d as is_new_device,
    if(not is_blocked and event_date + 2 <= last_day, ifNull(later.is_back_d1, 0), null) as is_back_d1,
    if(not is_blocked and event_date + 8 <= last_day, ifNull(later.is_back_d7, 0), null) as is_back_d7,
    toUInt8(ifNull(verdicts.is_positive, 0)) as has_verdict,
    scores.score as score,
    scores.is_flagged as is_flagged,
    ifNull(scores.reasons, []) as reasons,
    -- What is agreed counts before what the install reports, each in its own currency.
    if(is_organic, null, ifNull(economics.agreed_payout, installs.payout)) as payout_stated,
    toLowCardinality(
        multiIf(
            payout_stated is null,
            null,
            economics.agreed_payout is not null,
            economics.agreed_currency,
            toNullable(installs.payout_currency)
        )
    ) as payout_currency,
    multiIf(
        payout_stated is null,
        null,
        economics.agreed_payout is not null,
        economics.agreed_converted,
        {{ converted("installs.payout", "rates.rate") }}
    ) as payout,
    economics.dispute_cost as dispute_cost,
    economics.review_cost as review_cost,
    arrayFilter(
        amount -> amount != '',
        [
            if({{ is_unconverted("payout_stated", "payout") }}, 'payout', ''),
            if({{ is_unconverted("economics.dispute_stated", "dispute_cost") }}, 'dispute_cost', ''),
            if({{ is_unconverted("economics.review_stated", "review_cost") }}, 'review_cost', '')
        ]
    ) as unconverted,
    toLowCardinality('{{ mart_currency() }}') as currency
from installs
cross join known_until
left join
    (
        select install_id, device__is_new_to_installs_7d
        from {{ ref("feat_install_by_device") }}
        where {{ in_days(days) }}
    ) as devices
    on devices.install_id = installs.install_id
left join verdicts on verdicts.subject_id = installs.install_id
left join scores on scores.subject_id = installs.install_id
left join later on later.install_id = installs.install_id
left join
    {{ ref("install_economics") }} as economics
    on economics.event_date = installs.event_date
    and economics.app_id = installs.app_id
    and economics.publisher = installs.publisher
left join
    {{ ref("rates_in_force") }} as rates
    on rates.event_date = installs.event_date
    and rates.currency = ifNull(toString(installs.payout_currency), '')
