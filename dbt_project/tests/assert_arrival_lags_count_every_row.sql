-- Every row of core is in the mart of arrivals, and shares are NULL exactly where none is known.
with

    core as (
        {% for report in ["clicks", "installs", "app_events", "labels"] %}
            select '{{ report }}' as report, count() as rows, count(arrived_at) as told
            from {{ ref(report) }} {{ "union all" if not loop.last }}
        {% endfor %}
    ),

    mart as (
        select report, sum(rows) as rows, sum(rows_with_arrival) as told
        from {{ ref("mart_arrival_lag_daily") }}
        group by report
    )

select core.report as wrong
from core
left join mart on mart.report = core.report
where core.rows != coalesce(mart.rows, 0) or core.told != coalesce(mart.told, 0)
union all
select source || ' ' || report as wrong
from {{ ref("mart_arrival_lag_daily") }}
where
    (rows_with_arrival = 0) != (late_1h_share is null)
    or coalesce(late_1d_share, 0) > coalesce(late_1h_share, 0)
    or coalesce(late_1h_share, 0) > 1
