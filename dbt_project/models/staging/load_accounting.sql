{{
    config(
        materialized="by_day",
        engine=table_engine(),
        order_by="(load_id, event_date)",
        partition_by="event_date",
    )
}}
-- What became of each load's rows. Of the copies of a row the load with the least id keeps one.
{%- set days = days_to_build([loads_of(loaded_reports())]) %}
{%- set subject_ids = {
    "clicks": "click_id",
    "installs": "install_id",
    "blocked_installs": "install_id",
    "in_app_events": "event_id",
    "detection": "verdict_id",
} %}

with

    staged as (
        {% for model in staged_reports() %}
            {%- set report = model.split("__")[1] %}
            select
                load_id,
                event_date,
                reject_reason is null as is_valid,
                unread_values,
                '{{ subject_ids[report] }}' as kind,
                {{ subject_ids[report] }} as id
            from {{ ref(model) }}
            where {{ in_loads_of(days) }} and {{ in_days(days) }} {{ 'union all' if not loop.last }}
        {% endfor %}
    ),

    subjects as (
        select event_date, kind, id, min(load_id) as kept_by
        from staged
        where is_valid
        group by event_date, kind, id
    ),

    counted as (
        select
            load_id,
            event_date,
            0 as kept_rows,
            countIf(is_valid) as valid_rows,
            countIf(not is_valid) as refused_rows,
            sum(unread_values) as unread_in_rows
        from staged
        group by load_id, event_date
        union all
        select
            kept_by as load_id,
            event_date,
            count() as kept_rows,
            0 as valid_rows,
            0 as refused_rows,
            0 as unread_in_rows
        from subjects
        group by load_id, event_date
    )

select
    load_id,
    event_date,
    sum(kept_rows) as kept,
    toUInt64(sum(valid_rows) - sum(kept_rows)) as duplicates,
    sum(refused_rows) as rejected,
    toNullable(sum(unread_in_rows)) as unread_values
from counted
group by load_id, event_date
