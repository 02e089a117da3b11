-- Every row of core is in the mart of arrivals, and shares are NULL exactly where none is known.
with

    core as (
        {% for kind, report in {"click": "clicks", "install": "installs", "event": "app_events"}.items() %}
            select '{{ kind }}' as kind, count() as rows, count(arrived_at) as told
            from {{ ref(report) }} {{ "union all" if not loop.last }}
        {% endfor %}
    ),

    mart as (
        select kind, sum(rows) as rows, sum(rows_with_arrival) as told
        from {{ ref("mart_arrival_lag_daily") }}
        group by kind
    )

select core.kind as wrong
from core
left join mart on mart.kind = core.kind
where core.rows != coalesce(mart.rows, 0) or core.told != coalesce(mart.told, 0)
union all
select source || ' ' || kind as wrong
from {{ ref("mart_arrival_lag_daily") }}
where
    (rows_with_arrival = 0) != (over_1h_share is null)
    or coalesce(over_1d_share, 0) > coalesce(over_1h_share, 0)
    or coalesce(over_1h_share, 0) > 1
