{{
    config(
        materialized="by_day",
        on_schema_change="fail",
        engine=table_engine(),
        order_by="(feature_set, feature, event_date, bin)",
        partition_by="event_date",
        contract={"enforced": true},
    )
}}
{%- set feature_sets = ["fs_install", "fs_click"] %}
{%- set upstreams = [] %}
{%- for name in feature_sets %}
    {%- do upstreams.append({"from": ref(name), "defines_days": 1}) %}
{%- endfor %}
{%- set days = days_to_build(upstreams) %}

select
    event_date,
    toLowCardinality(feature_set) as feature_set,
    toLowCardinality(feature) as feature,
    toInt32(bin) as bin,
    rows
from
    (
        {%- for name in feature_sets %}
            {{ "union all" if not loop.first }}
            {{ feature_histograms(name, ref(name), features_of_set(name), in_days(days)) }}
        {%- endfor %}
    )
