{{
    config(
        materialized="by_day",
        on_schema_change="fail",
        engine=table_engine(),
        order_by="(kind, source, event_date)",
        partition_by="event_date",
        contract={"enforced": true},
    )
}}
{%- set kinds = {"click": ref("clicks"), "install": ref("installs"), "event": ref("app_events")} %}
{%- set upstreams = [] %}
{%- for relation in kinds.values() %}
    {%- do upstreams.append({"from": relation, "defines_days": 1}) %}
{%- endfor %}
{%- set days = days_to_build(upstreams) %}

with

    arrivals as (
        {%- for kind, relation in kinds.items() %}
            {{ "union all" if not loop.first }}
            select
                '{{ kind }}' as kind,
                event_date,
                source,
                arrived_at,
                dateDiff('millisecond', event_at, arrived_at) / 1000 as lag_seconds
            from {{ relation }}
            where {{ in_days(days) }}
        {%- endfor %}
    )

select
    event_date,
    toLowCardinality(kind) as kind,
    source,
    count() as rows,
    count(lag_seconds) as rows_with_arrival,
    quantileExactInclusiveOrNull(0.5)
    (lag_seconds) as median_lag_seconds,
    quantileExactInclusiveOrNull(0.99)
    (lag_seconds) as p99_lag_seconds,
    avgOrNull(lag_seconds > 3600) as over_1h_share,
    avgOrNull(lag_seconds > 86400) as over_1d_share,
    max(arrived_at) as last_arrived_at
from arrivals
group by event_date, kind, source
