{{
    config(
        engine=table_engine(),
        order_by="(target, subject_id, known_at)",
    )
}}
{%- set days = days_to_build(
    [
        {"from": ref("subpublisher_days")},
        {"from": ref("labels"), "lookback": 1, "defines_days": 0},
    ]
) %}

with

    {{ verdict_flips("install", "is_fraud", in_days_with_lookback(days, 0, "event_date + 1")) }},

    frauds as (
        select
            installs.publisher as publisher,
            installs.subpublisher as subpublisher,
            installs.event_date + 1 as ended_on,
            flips.known_at as verdict_at,
            sum(sum(flips.change)) over (
                partition by publisher, subpublisher, ended_on
                order by verdict_at
                rows between unbounded preceding and current row
            ) as known_frauds
        from flips
        inner join {{ ref("installs") }} as installs on installs.install_id = flips.subject_id
        where flips.change != 0 and not installs.is_organic and {{ in_days(days, "installs.event_date + 1") }}
        group by publisher, subpublisher, ended_on, verdict_at
    )

select
    toLowCardinality('subpublisher_day') as subject,
    days.subpublisher_day_id as subject_id,
    days.event_at as subject_at,
    days.event_date as event_date,
    toLowCardinality('is_fraud') as target,
    toLowCardinality('install_verdicts') as verdict_source,
    toUInt8(
        frauds.known_frauds >= {{ var("fraudulent_day_installs") }}
        and frauds.known_frauds >= {{ var("fraudulent_day_share") }} * days.installs
    ) as value,
    toLowCardinality(cast(null, 'Nullable(String)')) as attack_type,
    -- A verdict of the day itself is known of the day once the day has ended.
    greatest(assumeNotNull(frauds.verdict_at), days.event_at) as known_at
from {{ ref("subpublisher_days") }} as days
inner join
    frauds
    on frauds.publisher = days.publisher
    and coalesce(frauds.subpublisher, '') = coalesce(days.subpublisher, '')
    and frauds.ended_on = days.event_date
where {{ in_days(days, "days.event_date") }}
