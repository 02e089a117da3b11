-- A feature set has one row for each of its subjects, day by day.
with

    wanted as (
        select 'fs_install' as feature_set, event_date, count() as rows
        from {{ ref("installs") }}
        group by event_date
        union all
        select 'fs_click' as feature_set, event_date, count() as rows
        from {{ ref("clicks") }}
        where source = 'talkingdata'
        group by event_date
        union all
        select 'fs_click_after' as feature_set, event_date, count() as rows
        from {{ ref("clicks") }}
        where source = 'talkingdata'
        group by event_date
        union all
        select 'fs_publisher_day' as feature_set, event_date, count() as rows
        from {{ ref("subpublisher_days") }}
        group by event_date
    ),

    held as (
        select 'fs_install' as feature_set, event_date, count() as rows
        from {{ ref("fs_install") }}
        group by event_date
        union all
        select 'fs_click' as feature_set, event_date, count() as rows
        from {{ ref("fs_click") }}
        group by event_date
        union all
        select 'fs_click_after' as feature_set, event_date, count() as rows
        from {{ ref("fs_click_after") }}
        group by event_date
        union all
        select 'fs_publisher_day' as feature_set, event_date, count() as rows
        from {{ ref("fs_publisher_day") }}
        group by event_date
    )

select feature_set, event_date, wanted.rows as wanted_rows, held.rows as held_rows
from wanted
full join held using (feature_set, event_date)
where coalesce(wanted.rows, 0) != coalesce(held.rows, 0)
