-- What the accounting calls kept stands in core, day by day.
with

    kept as (
        select
            multiIf(
                loads.report in ('installs', 'blocked_installs'),
                'installs',
                loads.report = 'in_app_events',
                'app_events',
                loads.report = 'detection',
                'labels',
                loads.report
            ) as held_in,
            accounting.event_date as event_date,
            sum(accounting.kept) as rows
        from {{ ref("load_accounting") }} as accounting
        inner join {{ source("loads", "loads") }} as loads on loads.load_id = accounting.load_id
        group by held_in, event_date
        having rows > 0
    ),

    held as (
        select 'clicks' as held_in, event_date, count() as rows
        from {{ ref("clicks") }}
        group by event_date
        union all
        select 'installs' as held_in, event_date, count() as rows
        from {{ ref("installs") }}
        group by event_date
        union all
        select 'app_events' as held_in, event_date, count() as rows
        from {{ ref("app_events") }}
        group by event_date
        union all
        select 'labels' as held_in, event_date, count() as rows
        from {{ ref("labels") }}
        where verdict_source = 'appsflyer_detection'
        group by event_date
    )

select held_in, event_date, kept.rows as kept_rows, held.rows as held_rows
from kept
full join held using (held_in, event_date)
where coalesce(kept.rows, 0) != coalesce(held.rows, 0)
