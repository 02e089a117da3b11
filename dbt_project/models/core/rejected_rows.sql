{{
    config(
        engine=table_engine(),
        order_by="(source, report, reason)",
    )
}}
-- Rows that belong to no day stand on 1970-01-01, whole or not at all.
{%- set days = days_to_build(
    [
        {
            "from": ref("load_days"),
            "date": "event_date",
            "fingerprint": day_of_load(),
            "where": "event_date = toDate('1970-01-01') and " ~ is_last_reading(),
        }
    ]
) %}

with

    refused_in_staging as (
        {% for model in staged_reports() %}
            {%- set source_name, report = model[4:].split("__") %}
            select
                '{{ source_name }}' as source,
                '{{ report }}' as report,
                assumeNotNull(reject_reason) as reason,
                '' as expected
            from {{ ref(model) }}
            where
                reject_reason is not null
                and {{ in_loads_of(days) }}
                and {{ in_days(days) }} {{ 'union all' if not loop.last }}
        {% endfor %}
    ),

    refused_at_loading as (
        select
            ledger.source as source,
            ledger.report as report,
            lines.reason as reason,
            lines.expected as expected
        from {{ source("loads", "rejected_lines") }} as lines
        inner join {{ source("loads", "loads") }} as ledger on ledger.load_id = lines._load_id
        where {{ "true" if days else "false" }}
    ),

    united as (
        select *, 'staging' as refused_by
        from refused_in_staging
        union all
        select *, 'loading' as refused_by
        from refused_at_loading
    )

select
    toLowCardinality(united.source) as source,
    toLowCardinality(united.report) as report,
    toLowCardinality(united.refused_by) as refused_by,
    toLowCardinality(united.reason) as reason,
    expected,
    count() as rows,
    toDate('1970-01-01') as event_date
from united
group by source, report, refused_by, reason, expected
