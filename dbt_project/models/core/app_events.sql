{{
    config(
        engine=table_engine(),
        order_by="(event_at, event_id)",
    )
}}
{%- set days = days_to_build([loads_of(["appsflyer.in_app_events"])], in_parts=true) %}

{%- set events %}
(select * from {{ ref("stg_appsflyer__in_app_events") }} where {{ staged_for(days) }})
{% endset %}

with

    kept as (
        {{
            deduplicated(
                events,
                "event_id",
                prefer=["arrived_at", "cityHash64(tuple(* except (load_id, source_file, source_row)))"],
            )
        }}
    )

select
    event_id,
    toLowCardinality('appsflyer') as source,
    event_install_id as install_id,
    assumeNotNull(event_at) as event_at,
    event_date,
    assumeNotNull(event_at) as known_at,
    arrived_at,
    toLowCardinality(assumeNotNull(app)) as app_id,
    toLowCardinality(assumeNotNull(event_name_clean)) as event_name,
    revenue_usd,
    duplicate_count
from kept
