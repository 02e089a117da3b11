{{
    config(
        engine=table_engine(),
        order_by="(event_at, subpublisher_day_id)",
    )
}}
-- A day ends at the midnight after it: everything of it came before that instant.
{%- set days = days_to_build([{"from": ref("installs"), "lookback": 1}], every_shift_defines=true) %}

with

    installs as (
        select publisher, subpublisher, source, event_date + 1 as ended_on
        from {{ ref("installs") }}
        where not is_organic and {{ in_days(days, "ended_on") }}
    )

select
    {{ subject_id("day", ["publisher", "assumeNotNull(coalesce(subpublisher, ''))", "toString(ended_on)"]) }}
    as subpublisher_day_id,
    toLowCardinality(min(source)) as source,
    toDateTime64(ended_on, 3, 'UTC') as event_at,
    ended_on as event_date,
    publisher,
    subpublisher,
    count() as installs
from installs
group by publisher, subpublisher, ended_on
