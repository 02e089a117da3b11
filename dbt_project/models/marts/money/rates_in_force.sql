{{ config(materialized="view") }}
-- The latest rate of each currency on or before a day; '' stands for amounts that state no currency.
with

    days as (select distinct event_date from {{ ref("installs") }}),

    foreign_rates as (
        select
            days.event_date as event_date,
            assumeNotNull({{ clean_currency("rates.currency") }}) as currency,
            argMax(rates.rate, rates.valid_from) as rate
        from days
        cross join {{ ref("exchange_rates") }} as rates
        where rates.valid_from <= days.event_date and currency != '{{ mart_currency() }}'
        group by event_date, currency
    ),

    rates as (
        select event_date, currency, rate
        from foreign_rates
        union all
        select event_date, '{{ mart_currency() }}', 1
        from days
    )

select event_date, currency, rate, '{{ mart_currency() }}' as into_currency
from rates
{%- if unstated_currency() %}
    union all
    select event_date, '', rate, '{{ mart_currency() }}'
    from rates
    where currency = '{{ unstated_currency() }}'
{%- endif %}
