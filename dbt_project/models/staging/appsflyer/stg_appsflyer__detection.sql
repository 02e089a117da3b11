{%- set zones = load_timezones("appsflyer") -%}
with

    source as ({{ committed(source("appsflyer", "appsflyer__detection")) }}),

    dated as (
        select
            *, ifNull(toString(toDateOrNull(left({{ trimmed("detection_date") }}, 10)) + 1), '') as day_after
        from source
    ),

    read as (
        {%- set times = {
            "install": "install_time",
            "touch": "attributed_touch_time",
            "detection": "detection_date",
            "next_day": "day_after",
        } %}
        {{ both_readings("dated", times, zones) }}
    ),

    typed as (
        select
            *,
            {{ in_order("install", ["touch_read"]) }} as installed_at,
            {{ in_order("detection", ["installed_at"]) }} as detected_at
        from read
    ),

    renamed as (
        select
            {{ appsflyer_install_id() }} as install_id,
            {{ appsflyer_former_install_id() }} as former_install_id,
            installed_at as event_at,
            -- A date without a time is known when that day has ended. A verdict is the same one by install
            -- and second.
            toStartOfSecond(
                if(match(detection_date, '[0-9][ T][0-9]'), detected_at, next_day_read)
            ) as verdict_known_at,
            {{ subject_id("verdict", ["install_id", "ifNull(verdict_known_at, toDateTime64(0, 3, 'UTC'))"]) }}
            as verdict_id,
            {{ both_reasons("fraud_reason", "fraud_sub_reason") }} as fraud_reason_text,
            multiIf(
                installed_at is null,
                'invalid_install_time',
                not {{ is_plausible("installed_at") }},
                'implausible_install_time',
                detected_at is null,
                'invalid_detection_date',
                not {{ is_plausible("detected_at") }},
                'implausible_detection_date',
                {{ says_nothing("appsflyer_id") }},
                'missing_appsflyer_id',
                {{ says_nothing("fraud_reason") }},
                'missing_fraud_reason',
                null
            ) as reject_reason,
            {{ day_of("installed_at") }} as event_date,
            told_arrival as arrived_at,
            toUInt64(0) as unread_values,
            _load_id as load_id,
            _source_file as source_file,
            _source_row as source_row
        from typed
    )

select *
from renamed
