{%- set zones = load_timezones("appsflyer") -%}
with

    source as ({{ committed(source("appsflyer", "appsflyer__in_app_events")) }}),

    typed as (
        select
            *,
            {{ utc_time("install_time", zones) }} as install_read,
            {{ utc_time("event_time", zones) }} as event_read,
            {{ in_order("event_time", "event_read", ["install_read"], zones) }} as happened_at,
            {{ clean_text("app_id") }} as app
        from source
    ),

    renamed as (
        select
            {{
                subject_id(
                    "appsflyer",
                    [
                        "app_id",
                        "appsflyer_id",
                        "replaceRegexpOne(event_time, '[.][0-9]+$', '')",
                        "event_name",
                        "event_value",
                        "event_revenue",
                    ],
                )
            }} as event_id,
            if({{ is_plausible("install_read") }}, {{ appsflyer_install_id() }}, null) as event_install_id,
            happened_at as event_at,
            app,
            {{ clean_text("event_name") }} as event_name_clean,
            {{ number("event_revenue_usd") }} as revenue_usd,
            multiIf(
                happened_at is null,
                'invalid_event_time',
                not {{ is_plausible("happened_at") }},
                'implausible_event_time',
                app is null,
                'missing_app_id',
                event_name_clean is null,
                'missing_event_name',
                null
            ) as reject_reason,
            {{ day_of("happened_at") }} as event_date,
            told_arrival as arrived_at,
            {{
                unread(
                    [("install_time", "event_install_id is not null")],
                    numbers=[("event_revenue_usd", "revenue_usd is not null")],
                )
            }} as unread_values,
            _load_id as load_id,
            _source_file as source_file,
            _source_row as source_row
        from typed
    )

select *
from renamed
