{{
    config(
        materialized="table",
        engine=table_engine(),
        order_by="(month, app_id, publisher, judged_by, currency)",
        contract={"enforced": true},
    )
}}
-- What refusing to pay flagged installs saves. Those the vendor blocked are not paid anyway.
with

    paid as (
        select
            toStartOfMonth(facts.event_date) as month,
            facts.app_id as app_id,
            facts.publisher as publisher,
            facts.currency as currency,
            facts.payout as payout,
            has(facts.unconverted, 'payout') as is_payout_unknown,
            has(facts.unconverted, 'dispute_cost') as is_dispute_unknown,
            has(facts.unconverted, 'review_cost') as is_review_unknown,
            -- What a mistake costs is unknown where a part of it is.
            if(
                is_payout_unknown or is_dispute_unknown,
                null,
                ifNull(facts.payout, 0) + ifNull(facts.dispute_cost, 0)
            ) as mistake_cost,
            facts.review_cost as review_cost,
            facts.score is not null as is_scored,
            ifNull(facts.is_flagged, 0) = 1 as is_flagged,
            [facts.has_verdict = 1, truth.attack is not null] as is_fraud_by,
            ['verdicts', 'truth'] as judges
        from {{ ref("install_facts") }} as facts
        left join {{ ref("install_truth") }} as truth on truth.install_id = facts.install_id
        where not facts.is_organic and not facts.is_blocked
    ),

    judged as (
        select *, is_fraud, judge
        from paid
        array join is_fraud_by as is_fraud, judges as judge
        where judge = 'verdicts' or (select count() from {{ ref("install_truth") }}) > 0
    )

select
    month,
    app_id,
    publisher,
    toLowCardinality(judge) as judged_by,
    count() as installs,
    countIf(is_scored) as scored_installs,
    countIf(is_flagged) as flagged_installs,
    countIf(is_flagged and is_fraud) as frauds_stopped,
    countIf(is_flagged and not is_fraud) as honest_stopped,
    countIf(is_scored and is_fraud and not is_flagged) as frauds_missed,
    currency,
    countIf(is_payout_unknown) as unconverted_payouts,
    countIf(is_flagged and (is_dispute_unknown or is_review_unknown)) as unconverted_costs,
    {{ sum_of_money("payout") }} as spend,
    {{ sum_of_known_money("payout", "is_payout_unknown", "is_flagged and is_fraud") }}
    as fraud_stopped_amount,
    {{ sum_of_known_money("payout", "is_payout_unknown", "is_scored and is_fraud and not is_flagged") }}
    as fraud_missed_amount,
    {{ sum_of_known_money("mistake_cost", "mistake_cost is null", "is_flagged and not is_fraud") }}
    as honest_stopped_amount,
    {{ sum_of_known_money("review_cost", "is_review_unknown", "is_flagged") }} as review_amount,
    round(fraud_stopped_amount - honest_stopped_amount - review_amount, 6) as net_saved
from judged
group by month, app_id, publisher, judged_by, currency
