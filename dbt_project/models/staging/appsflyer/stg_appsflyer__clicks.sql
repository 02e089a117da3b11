{%- set zones = load_timezones("appsflyer") -%}
with

    source as ({{ committed(source("appsflyer", "appsflyer__clicks")) }}),

    typed as (
        select *, {{ utc_time("attributed_touch_time", zones) }} as clicked_at, {{ appsflyer_context() }}
        from source
    ),

    renamed as (
        select
            {{ appsflyer_click_id() }} as click_id,
            clicked_at as event_at,
            clean_app_id as app,
            publisher,
            subpublisher,
            clean_campaign as campaign_name,
            ip_hash,
            ip_subnet,
            device_hash,
            clean_device_model as model_name,
            clean_os_version as os,
            clean_platform as platform_name,
            country,
            clean_carrier as carrier_name,
            multiIf(
                clicked_at is null,
                'invalid_attributed_touch_time',
                not {{ is_plausible("clicked_at") }},
                'implausible_attributed_touch_time',
                app is null,
                'missing_app_id',
                not {{ says_nothing("attributed_touch_type") }}
                and {{ trimmed("attributed_touch_type", lower=true) }} != 'click',
                'not_a_click',
                null
            ) as reject_reason,
            {{ day_of("clicked_at") }} as event_date,
            told_arrival as arrived_at,
            {{ unread([("ip", "ip_read is not null"), ("country_code", "country is not null")]) }}
            as unread_values,
            _load_id as load_id,
            _source_file as source_file,
            _source_row as source_row
        from typed
    )

select *
from renamed
