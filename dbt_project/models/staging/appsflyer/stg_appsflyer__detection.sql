{%- set zones = load_timezones("appsflyer") -%}
with

    source as ({{ committed(source("appsflyer", "appsflyer__detection")) }}),

    typed as (
        select
            *,
            {{ utc_time("install_time", zones) }} as installed_at,
            {{ utc_time("detection_date", zones) }} as detected_at
        from source
    ),

    renamed as (
        select
            {{ subject_id("appsflyer", ["app_id", "appsflyer_id", "install_time", "detection_date"]) }}
            as verdict_id,
            {{ appsflyer_install_id() }} as install_id,
            installed_at as event_at,
            -- A date without a time is known when that day has ended.
            if(length(detection_date) = 10, detected_at + toIntervalDay(1), detected_at) as verdict_known_at,
            trimBoth(fraud_reason || ' ' || fraud_sub_reason) as fraud_reason_text,
            multiIf(
                installed_at is null,
                'invalid_install_time',
                detected_at is null,
                'invalid_detection_date',
                appsflyer_id = '',
                'missing_appsflyer_id',
                fraud_reason = '',
                'missing_fraud_reason',
                null
            ) as reject_reason,
            {{ day_of("installed_at") }} as event_date,
            {{ arrived_at() }} as arrived_at,
            _load_id as load_id,
            _source_file as source_file,
            _source_row as source_row
        from typed
    )

select *
from renamed
