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
    )

select
    claims.month as month,
    claims.network as network,
    claims.currency as currency,
    count() as claims,
    countIf(outcomes.claim_id is null) as open_claims,
    sum(claims.installs) as claimed_installs,
    ifNull({{ sum_of_money("claims.amount") }}, 0) as claimed_amount,
    ifNull(sum(outcomes.installs_accepted), 0) as accepted_installs,
    ifNull({{ sum_of_money("outcomes.amount_accepted") }}, 0) as accepted_amount,
    ifNull({{ sum_of_money("claims.amount", "outcomes.claim_id is null") }}, 0) as open_amount
from {{ source("ml", "claims") }} as claims
left join outcomes on outcomes.claim_id = claims.claim_id
group by month, network, currency
