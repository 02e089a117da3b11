{{ config(materialized="view") }}
-- The most precise row in force says each amount: app and network, app, network, every one. It says
-- the currency too: an amount that cannot be converted is not taken from a less precise row.
with

    keys as (
        select distinct
            event_date,
            app_id,
            publisher,
            arrayJoin([toString(app_id), '*']) as app_said,
            arrayJoin([toString(publisher), '*']) as network_said
        from {{ ref("installs") }}
    ),

    said as (
        select
            keys.event_date as event_date,
            keys.app_id as app_id,
            keys.publisher as publisher,
            (app_said != '*', network_said != '*', economics.valid_from) as precision,
            economics.currency as currency_said,
            economics.payout as payout_said,
            economics.dispute_cost as dispute_said,
            economics.review_cost as review_said
        from keys
        inner join
            {{ ref("economics") }} as economics
            on economics.app_id = keys.app_said
            and economics.network = keys.network_said
        where economics.valid_from <= keys.event_date
    ),

    priced as (
        select said.*, rates.rate as rate
        from said
        left join
            {{ ref("rates_in_force") }} as rates
            on rates.event_date = said.event_date
            and rates.currency = said.currency_said
    ),

    stated as (
        select
            event_date,
            app_id,
            publisher,
            {% for amount in ["payout", "dispute", "review"] %}
                argMaxIf(
                    tuple({{ amount }}_said, currency_said, {{ converted(amount ~ "_said", "rate") }}),
                    precision,
                    {{ amount }}_said is not null
                ) as {{ amount }}{{ "," if not loop.last }}
            {% endfor %}
        from priced
        group by event_date, app_id, publisher
    )

select
    event_date,
    app_id,
    publisher,
    payout .1 as agreed_payout,
    nullIf(payout .2, '') as agreed_currency,
    payout .3 as agreed_converted,
    dispute .1 as dispute_stated,
    dispute .3 as dispute_cost,
    review .1 as review_stated,
    review .3 as review_cost,
    '{{ mart_currency() }}' as currency
from stated
