{{
    config(
        engine=table_engine(),
        order_by="(event_at, click_id)",
    )
}}
{%- set days = days_to_build([{"from": ref("clicks")}]) %}

select
    click_id,
    event_at,
    event_date,
    app_id as click__app,
    publisher as click__publisher,
    device_model as click__device_model,
    os_version as click__os_version,
    toUInt8(toHour(event_at)) as click__hour_utc
from {{ ref("clicks") }}
where {{ in_days(days) }}
