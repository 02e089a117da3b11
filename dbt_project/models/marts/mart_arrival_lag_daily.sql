{{
    config(
        materialized="by_day",
        on_schema_change="fail",
        engine=table_engine(),
        order_by="(event_date, source, report)",
        partition_by="event_date",
        contract={"enforced": true},
    )
}}
-- Arrival is the end of the hour or day whose folder a file stands in: lags are upper bounds.
{%- set reports = ["clicks", "installs", "app_events", "labels"] %}
{%- set upstreams = [] %}
{%- for report in reports %}
    {%- do upstreams.append({"from": ref(report), "defines_days": 1}) %}
{%- endfor %}
{%- set days = days_to_build(upstreams) %}

with

    arrivals as (
        {% for report in reports %}
            select
                '{{ report }}' as report,
                {{ "verdict_source" if report == "labels" else "source" }} as source,
                event_date,
                dateDiff('millisecond', known_at, arrived_at) / 1000 as lag_seconds
            from {{ ref(report) }}
            where {{ in_days(days) }} {{ "union all" if not loop.last }}
        {% endfor %}
    )

select
    source,
    toLowCardinality(report) as report,
    event_date,
    count() as rows,
    count(lag_seconds) as rows_with_arrival,
    if(rows_with_arrival = 0, null, countIf(lag_seconds > 3600) / rows_with_arrival) as late_1h_share,
    if(rows_with_arrival = 0, null, countIf(lag_seconds > 86400) / rows_with_arrival) as late_1d_share,
    quantileExactOrNull(0.5)
    (lag_seconds) as median_lag_seconds,
    maxOrNull(lag_seconds) as longest_lag_seconds
from arrivals
group by source, report, event_date
