{{ config(materialized="view") }}
-- The seed and what was loaded, typed; of rows for one key and day the one loaded last, of one load
-- the last, then the seed.
with

    loaded as (
        select
            app_id,
            network,
            toDateOrNull(valid_from) as first_day,
            {{ number("payout") }} as payout_amount,
            currency as currency_text,
            {{ number("dispute_cost") }} as dispute_amount,
            {{ number("review_cost") }} as review_amount,
            (_loaded_at, _source_file, _source_row) as said_at
        from {{ source("ml", "app_economics") }}
        where _load_id in (select load_id from {{ source("loads", "loads") }})
    ),

    united as (
        select *
        from loaded
        union all
        select
            app_id,
            network,
            valid_from,
            payout,
            currency,
            dispute_cost,
            review_cost,
            (toDateTime64(0, 3, 'UTC'), '', toUInt64(0))
        from {{ ref("app_economics") }}
    )

select
    app_id,
    network,
    assumeNotNull(first_day) as valid_from,
    tupleElement(argMax(tuple(payout_amount), said_at), 1) as payout,
    ifNull({{ clean_currency("argMax(currency_text, said_at)") }}, '') as currency,
    tupleElement(argMax(tuple(dispute_amount), said_at), 1) as dispute_cost,
    tupleElement(argMax(tuple(review_amount), said_at), 1) as review_cost
from united
where first_day is not null
group by app_id, network, valid_from
