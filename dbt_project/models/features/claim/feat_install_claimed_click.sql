{{
    config(
        engine=table_engine(),
        order_by="(event_at, install_id)",
    )
}}
{%- set days = days_to_build(
    [{"from": ref("installs")}, {"from": ref("clicks"), "lookback": 7, "defines_days": 0}]
) %}

with

    claims as (
        select install_id, event_at, event_date, device_hash, app_id, touched_at, country, ip_subnet
        from {{ ref("installs") }}
        where {{ in_days(days) }} and touched_at is not null and device_hash is not null
    ),

    clicks as (
        select event_at, device_hash, app_id, country, ip_subnet
        from {{ ref("clicks") }}
        where {{ in_days_with_lookback(days, 7) }} and device_hash in (select device_hash from claims)
    ),

    -- Clicks of the device in the 7 days before the install.
    earlier as (
        select
            claims.install_id as install_id,
            claims.touched_at as touched_at,
            clicks.event_at as clicked_at,
            clicks.app_id as app,
            clicked_at = touched_at and app = claims.app_id as is_claimed,
            abs(dateDiff('millisecond', clicked_at, claims.touched_at)) <= 1000 as is_beside,
            clicks.country != claims.country as is_other_country,
            clicks.ip_subnet != claims.ip_subnet as is_other_subnet
        from claims
        inner join clicks on clicks.device_hash = claims.device_hash
        where clicked_at < claims.event_at and clicked_at >= claims.event_at - toIntervalDay(7)
    ),

    told as (
        select
            install_id,
            max(is_claimed) as has_click,
            countIf(is_beside) as clicks_beside,
            uniqExactIf(app, is_beside) as apps_beside,
            countIf(clicked_at < touched_at - toIntervalMillisecond(1000)) as earlier_clicks,
            maxOrNullIf(is_other_country, is_claimed) as is_other_country,
            maxOrNullIf(is_other_subnet, is_claimed) as is_other_subnet
        from earlier
        group by install_id
    )

select
    claims.install_id as install_id,
    claims.event_at as event_at,
    claims.event_date as event_date,
    toUInt8(coalesce(told.has_click, 0)) as claim__has_click_7d,
    toUInt64(coalesce(told.clicks_beside, 0)) as claim__clicks_within_1s,
    toUInt64(coalesce(told.apps_beside, 0)) as claim__apps_within_1s,
    toUInt64(coalesce(told.earlier_clicks, 0)) as claim__earlier_clicks_7d,
    toNullable(told.is_other_country) as claim__is_other_country,
    toNullable(told.is_other_subnet) as claim__is_other_subnet
from claims
left join told on told.install_id = claims.install_id
