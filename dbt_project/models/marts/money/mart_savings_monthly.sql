{{
    config(
        materialized="table",
        engine=table_engine(),
        order_by="(month, app_id, publisher, judged_by)",
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
            facts.payout as payout,
            ifNull(facts.dispute_cost, 0) as dispute_cost,
            ifNull(facts.review_cost, 0) as review_cost,
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
    {{ sum_of_money("payout") }} as spend,
    ifNull({{ sum_of_money("payout", "is_flagged and is_fraud") }}, 0) as fraud_stopped_amount,
    ifNull(
        {{ sum_of_money("payout", "is_scored and is_fraud and not is_flagged") }}, 0
    ) as fraud_missed_amount,
    ifNull(
        {{ sum_of_money("ifNull(payout, 0) + dispute_cost", "is_flagged and not is_fraud") }}, 0
    ) as honest_stopped_amount,
    ifNull({{ sum_of_money("review_cost", "is_flagged") }}, 0) as review_amount,
    round(fraud_stopped_amount - honest_stopped_amount - review_amount, 6) as net_saved
from judged
group by month, app_id, publisher, judged_by
