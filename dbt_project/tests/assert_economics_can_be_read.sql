-- An amount or a day of the price list that is stated and cannot be read would be taken for none.
select _source_file, _source_row, valid_from, payout, dispute_cost, review_cost
from {{ source("ml", "app_economics") }}
where
    _load_id in (select load_id from {{ source("loads", "loads") }})
    and (
        toDateOrNull(valid_from) is null
        {%- for amount in ["payout", "dispute_cost", "review_cost"] %}
            or ({{ clean_text(amount) }} is not null and {{ number(amount) }} is null)
        {%- endfor %}
    )
