-- Every loaded row is kept, a duplicate, or rejected: nothing is lost or doubled. Lines refused at
-- loading stand among the rows of no day, which are looked at in the totals of a load.
with

    counted as (
        select load_id, event_date, sum(rows) as rows_counted
        from {{ ref("load_days") }}
        where event_date != toDate(0) and {{ is_last_reading() }}
        group by load_id, event_date
    ),

    accounted as (
        select load_id, event_date, sum(kept) + sum(duplicates) + sum(rejected) as rows_accounted
        from {{ ref("load_accounting") }}
        group by load_id, event_date
    ),

    totals as (
        select load_id, sum(rows_of_day) as rows_in_all
        from
            (
                select load_id, rows_counted as rows_of_day
                from counted
                union all
                select load_id, rows_accounted as rows_of_day
                from accounted
                where event_date = toDate(0)
            )
        group by load_id
    ),

    reports as (select distinct source, report from {{ ref("load_days") }})

-- The days of a load, and what was rejected of it, are all of its rows.
select loads.load_id as load_id, toDate(0) as day, loads.rows_loaded as expected, totals.rows_in_all as found
from {{ source("loads", "loads") }} as loads
left join totals on totals.load_id = loads.load_id
where
    (loads.source, loads.report) in (select source, report from reports)
    and loads.rows_loaded != coalesce(totals.rows_in_all, 0)
union all
-- Each of the days that this build may build accounts for its rows.
select
    coalesce(counted.load_id, accounted.load_id) as load_id,
    coalesce(counted.event_date, accounted.event_date) as day,
    counted.rows_counted as expected,
    accounted.rows_accounted as found
from counted
full join accounted on accounted.load_id = counted.load_id and accounted.event_date = counted.event_date
where
    day != toDate(0)
    and {{ within_bounds("day") }}
    and coalesce(counted.rows_counted, 0) != coalesce(accounted.rows_accounted, 0)
