{{
    config(
        engine=table_engine(),
        order_by="(event_at, install_id)",
    )
}}
{%- set days = days_to_build(
    [
        {"from": ref("installs")},
        {"from": ref("feat_install_by_device"), "defines_days": 0},
        {"from": ref("feat_install_claimed_click"), "defines_days": 0},
    ]
) %}

select
    installs.install_id as install_id,
    installs.event_at as event_at,
    installs.event_date as event_date,
    installs.app_id as app_id,
    installs.publisher as publisher,
    installs.subpublisher as subpublisher,
    installs.ip_subnet as ip_subnet,
    installs.device_hash as device_hash,
    installs.device_model as device_model,
    installs.os_version as os_version,
    installs.country as country,
    installs.carrier as carrier,
    installs.ctit_seconds as ctit_seconds,
    toInt16(floor(log2(greatest(installs.ctit_seconds, 1)))) as ctit_bin,
    installs.began_at as began_at,
    installs.touched_at as touched_at,
    installs.contributors as contributors,
    installs.is_organic as is_organic,
    installs.is_referrer_other as is_referrer_other,
    installs.missing_fields as missing_fields,
    toUInt8(toHour(installs.event_at)) as hour_utc,
    toNullable(device.device__is_new_30d) as is_new_device,
    toNullable(claim.claim__has_click_7d) as has_click,
    claim.claim__apps_within_1s > 1 as is_stacked,
    claim.claim__earlier_clicks_7d = 0 as has_no_past,
    claim.claim__is_other_country as is_other_country
from {{ ref("installs") }} as installs
left join
    (select * from {{ ref("feat_install_by_device") }} where {{ in_days(days) }}) as device
    on device.install_id = installs.install_id
left join
    (select * from {{ ref("feat_install_claimed_click") }} where {{ in_days(days) }}) as claim
    on claim.install_id = installs.install_id
where {{ in_days(days, "installs.event_date") }}
