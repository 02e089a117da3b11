{{ config(materialized="view") }}
-- The frozen rows of claims that were made to the end.
select
    claims.network as network,
    claims.month as month,
    claims.claimed_by as claimed_by,
    claims.claimed_at as claimed_at,
    claims.currency as currency,
    claim_rows.*
from {{ source("ml", "claim_rows") }} as claim_rows
inner join {{ source("ml", "claims") }} as claims on claims.claim_id = claim_rows.claim_id
