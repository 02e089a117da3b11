{{
    config(
        engine=table_engine(),
        order_by="(event_at, install_id)",
    )
}}
{%- set days = days_to_build([{"from": ref("installs")}]) %}

select
    install_id,
    event_at,
    event_date,
    ctit_seconds as install__ctit_seconds,
    dateDiff('millisecond', touched_at, began_at) / 1000 as install__click_to_begin_seconds,
    dateDiff('millisecond', began_at, event_at) / 1000 as install__begin_to_open_seconds,
    toUInt8(coalesce(began_at < touched_at, false)) as install__is_begun_before_click,
    dateDiff('millisecond', play_clicked_at, touched_at) / 1000 as install__play_click_to_click_seconds,
    dateDiff('millisecond', assisted_at, touched_at) / 1000 as install__assist_to_click_seconds,
    is_referrer_other as install__is_referrer_other,
    missing_fields as install__missing_fields,
    toUInt8(platform = 'android' and began_at is null) as install__has_no_store_times,
    is_on_wifi as install__is_on_wifi,
    match_type as install__match_type,
    is_organic as install__is_organic,
    is_reinstall as install__is_reinstall,
    contributors as install__contributors,
    toUInt8(device_hash is null) as install__has_no_device_id,
    toUInt8(toHour(event_at)) as install__hour_utc,
    app_id as install__app,
    platform as install__platform,
    device_model as install__device_model,
    os_version as install__os_version,
    country as install__country
from {{ ref("installs") }}
where {{ in_days(days) }}
