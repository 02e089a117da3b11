{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        engine=table_engine(),
        order_by="(load_id, event_date)",
    )
}}
-- depends_on: {{ ref("load_presence") }}
-- What each load brought to each day. Loads never change, so each is counted once for each reading of
-- raw (`reading`), the later while raw holds it whole; core's days are rebuilt by these counts and not
-- by raw itself, whose rows expire.
with

    uncounted as (
        select loads.load_id as load_id, loads.source as source, loads.report as report
        from {{ source("loads", "loads") }} as loads
        {% if is_incremental() %}
            left join {{ ref("load_presence") }} as held on held.load_id = loads.load_id
            where
                loads.load_id not in (select load_id from {{ this }})
                or (
                    loads.load_id not in (select load_id from {{ this }} where reading = {{ reading() }})
                    and loads.rows_loaded = coalesce(held.rows_present, 0)
                )
        {% endif %}
    ),

    rows_by_day as (
        {% for model in staged_reports() %}
            select load_id, event_date, count() as rows
            from {{ ref(model) }}
            where load_id in (select load_id from uncounted)
            group by load_id, event_date {{ 'union all' if not loop.last }}
        {% endfor %}
        union all
        -- Lines refused at loading belong to no day.
        select _load_id as load_id, toDate('1970-01-01') as event_date, count() as rows
        from {{ source("loads", "rejected_lines") }}
        where _load_id in (select load_id from uncounted)
        group by load_id
    )

select
    uncounted.load_id as load_id,
    uncounted.source as source,
    uncounted.report as report,
    rows_by_day.event_date as event_date,
    sum(rows_by_day.rows) as rows,
    toUInt8({{ reading() }}) as reading
from rows_by_day
inner join uncounted on uncounted.load_id = rows_by_day.load_id
group by load_id, source, report, event_date
