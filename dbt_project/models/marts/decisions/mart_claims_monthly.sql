{{ config(materialized="view") }}
-- Claimed against accepted; a claim without an answer is open.
with

    outcomes as (
        select
            claim_id,
            argMax(accepted_installs, settled_at) as installs_accepted,
            argMax(accepted_amount, settled_at) as amount_accepted
        from {{ source("ml", "claim_outcomes") }}
        group by claim_id
    ),

    evidence as (
        select
            claim_id,
            countIf({{ is_unconverted("payout_stated", "payout") }}) as unconverted,
            count(payout) as converted
        from {{ source("ml", "claim_rows") }}
        group by claim_id
    ),

    claimed as (
        select
            claims.month as month,
            claims.network as network,
            claims.currency as currency,
            claims.installs as installs,
            evidence.unconverted as unconverted,
            if(unconverted > 0 and evidence.converted = 0, null, claims.amount) as amount,
            outcomes.claim_id is null as is_open,
            outcomes.installs_accepted as installs_accepted,
            outcomes.amount_accepted as amount_accepted
        from {{ source("ml", "claims") }} as claims
        left join evidence on evidence.claim_id = claims.claim_id
        left join outcomes on outcomes.claim_id = claims.claim_id
    )

select
    month,
    network,
    currency,
    count() as claims,
    countIf(is_open) as open_claims,
    sum(installs) as claimed_installs,
    ifNull(sum(unconverted), 0) as unconverted_installs,
    {{ sum_of_known_money("amount", "amount is null") }} as claimed_amount,
    ifNull(sum(installs_accepted), 0) as accepted_installs,
    ifNull({{ sum_of_money("amount_accepted") }}, 0) as accepted_amount,
    {{ sum_of_known_money("amount", "amount is null", "is_open") }} as open_amount
from claimed
group by month, network, currency
