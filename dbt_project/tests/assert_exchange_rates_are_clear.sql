-- One rate above zero for a currency and day, and none for the currency of the marts, which is worth 1.
select
    valid_from,
    {{ clean_currency("currency") }} as stated_currency,
    count() as rows,
    min(rate) as lowest,
    max(rate) as highest
from {{ ref("exchange_rates") }}
group by valid_from, stated_currency
having
    rows > 1
    or stated_currency is null
    or not ifNull(lowest > 0 and isFinite(highest), false)
    or (stated_currency = '{{ mart_currency() }}' and lowest != 1)
