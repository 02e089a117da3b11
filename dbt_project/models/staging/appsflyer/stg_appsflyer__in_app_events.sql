{%- set zones = load_timezones("appsflyer") -%}
with

    source as ({{ committed(source("appsflyer", "appsflyer__in_app_events")) }}),

    read as (
        {%- set times = {
            "install": "install_time",
            "touch": "attributed_touch_time",
            "event": "event_time",
        } %}
        {{ both_readings("source", times, zones) }}
    ),

    typed as (
        select
            *,
            {{ in_order("install", ["touch_read"]) }} as installed_at,
            {{ in_order("event", ["installed_at"]) }} as happened_at,
            {{ clean_text("app_id") }} as app
        from read
    ),

    renamed as (
        select
            {{
                subject_id(
                    "appsflyer",
                    [
                        "ifNull(app, '')",
                        or_empty("appsflyer_id"),
                        instant_text("event_read"),
                        or_empty("event_name"),
                        or_empty("event_value"),
                        "ifNull(toString("
                        ~ number("event_revenue")
                        ~ "), "
                        ~ or_empty("event_revenue")
                        ~ ")",
                    ],
                )
            }} as event_id,
            if(
                {{ is_plausible("install_read") }} and not {{ says_nothing("appsflyer_id") }},
                {{ appsflyer_install_id() }},
                null
            ) as event_install_id,
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
                    [("install_time", is_plausible("install_read"))],
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
