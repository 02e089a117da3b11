{%- set zones = load_timezones("appsflyer") -%}
with

    source as ({{ committed(source("appsflyer", "appsflyer__in_app_events")) }}),

    typed as (
        select
            *,
            {{ utc_time("event_time", zones) }} as happened_at,
            {{ utc_time("install_time", zones) }} as installed_at,
            {{ clean_text("app_id") }} as app
        from source
    ),

    renamed as (
        select
            {{
                subject_id(
                    "appsflyer",
                    ["app_id", "appsflyer_id", "event_time", "event_name", "event_value", "event_revenue"],
                )
            }} as event_id,
            if(installed_at is null, null, {{ appsflyer_install_id() }}) as event_install_id,
            happened_at as event_at,
            app,
            {{ clean_text("event_name") }} as event_name_clean,
            toFloat64OrNull(event_revenue_usd) as revenue_usd,
            multiIf(
                happened_at is null,
                'invalid_event_time',
                app is null,
                'missing_app_id',
                event_name_clean is null,
                'missing_event_name',
                null
            ) as reject_reason,
            {{ day_of("happened_at") }} as event_date,
            {{ arrived_at() }} as arrived_at,
            _load_id as load_id,
            _source_file as source_file,
            _source_row as source_row
        from typed
    )

select *
from renamed
