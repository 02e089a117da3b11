{{
    config(
        engine=table_engine(),
        order_by="(target, subject_id, known_at, verdict_source)",
    )
}}
{%- set installs_loads = loads_of(["appsflyer.installs", "appsflyer.blocked_installs"]) %}
{%- set days = days_to_build(
    [
        loads_of(
            [
                "talkingdata.clicks",
                "appsflyer.blocked_installs",
                "appsflyer.detection",
            ]
        )
    ]
) %}

with

    conversions as (
        select
            'click' as subject,
            click_id as subject_id,
            event_at as subject_at,
            event_date,
            'is_attributed' as target,
            'talkingdata' as verdict_source,
            1 as value,
            '' as reason_text,
            label_known_at as verdict_known_at,
            arrived_at
        from {{ ref("stg_talkingdata__clicks") }}
        where has_converted = 1 and {{ staged_for(days) }}
    ),

    blocks as (
        select
            'install',
            install_id,
            event_at,
            event_date,
            'is_fraud',
            'appsflyer_block',
            1,
            fraud_reason_text,
            event_at,
            arrived_at
        from {{ ref("stg_appsflyer__blocked_installs") }}
        where {{ staged_for(days) }}
    ),

    detections as (
        select
            'install',
            -- An install that cannot be built again has the id it had.
            if(
                former_install_id != install_id
                and event_date in ({{ installs_loads.frozen }})
                and former_install_id
                in (select install_id from {{ ref("installs") }} where {{ in_days(days) }}),
                former_install_id,
                install_id
            ),
            event_at,
            event_date,
            'is_fraud',
            'appsflyer_detection',
            1,
            fraud_reason_text,
            verdict_known_at,
            arrived_at
        from {{ ref("stg_appsflyer__detection") }}
        where {{ staged_for(days) }}
    ),

    united as (
        select *
        from conversions
        union all
        select *
        from blocks
        union all
        select *
        from detections
    ),

    kept as (
        {{
            deduplicated(
                "united",
                "subject, subject_id, target, verdict_source, toStartOfSecond(verdict_known_at), value",
                prefer=["arrived_at", "reason_text", "subject_at", "verdict_known_at"],
            )
        }}
    )

select
    toLowCardinality(subject) as subject,
    subject_id,
    assumeNotNull(subject_at) as subject_at,
    event_date,
    toLowCardinality(target) as target,
    toLowCardinality(verdict_source) as verdict_source,
    toUInt8(value) as value,
    toLowCardinality({{ attack_of_reason("reason_text") }}) as attack_type,
    toLowCardinality(nullIf(reason_text, '')) as reason,
    assumeNotNull(verdict_known_at) as known_at,
    arrived_at,
    duplicate_count
from kept
