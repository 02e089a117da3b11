-- Every loaded row is kept, a duplicate, or rejected: nothing is lost or doubled.
with

    accounted as (
        select load_id, sum(kept) + sum(duplicates) + sum(rejected) as rows_accounted
        from {{ ref("load_accounting") }}
        group by load_id
    ),

    reports as (select distinct source, report from {{ ref("load_days") }})

select loads.load_id, loads.rows_loaded, accounted.rows_accounted
from {{ source("loads", "loads") }} as loads
left join accounted on accounted.load_id = loads.load_id
where
    (loads.source, loads.report) in (select source, report from reports)
    -- A build of some days does not account for loads that brought others too.
    and loads.load_id
    not in (select load_id from {{ ref("load_days") }} where not {{ within_bounds("event_date") }})
    and loads.rows_loaded != coalesce(accounted.rows_accounted, 0)
