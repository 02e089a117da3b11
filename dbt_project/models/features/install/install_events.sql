{{
    config(
        engine=table_engine(),
        order_by="(event_at, event_id)",
    )
}}
{%- set days = days_to_build(
    [{"from": ref("app_events")}, {"from": ref("installs"), "lookback": 30, "defines_days": 0}]
) %}

select
    events.event_id as event_id,
    events.event_at as event_at,
    events.event_date as event_date,
    installs.publisher as publisher,
    installs.subpublisher as subpublisher,
    events.event_name as event_name,
    toUInt8(events.revenue_usd > 0) as is_paid,
    dateDiff('millisecond', installs.event_at, events.event_at) / 1000 as seconds_since_install
from {{ ref("app_events") }} as events
inner join
    (select * from {{ ref("installs") }} where {{ in_days_with_lookback(days, 30) }}) as installs
    on installs.install_id = events.install_id
where {{ in_days(days, "events.event_date") }} and installs.event_at <= events.event_at
