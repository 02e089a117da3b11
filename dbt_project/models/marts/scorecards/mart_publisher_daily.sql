{{
    config(
        materialized="by_day",
        on_schema_change="fail",
        engine=table_engine(),
        order_by="(event_date, app_id, publisher)",
        partition_by="event_date",
        contract={"enforced": true},
    )
}}
{%- set days = days_to_build(
    [{"from": ref("install_facts")}, {"from": ref("click_facts_daily"), "defines_days": 1}]
) %}
{{ scorecard(["publisher"], days) }}
