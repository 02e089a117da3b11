{{
    config(
        materialized="view",
    )
}}
-- Candidates by their flags, and every source ever decided about; the state is the latest decision's.
with

    sources as (
        {{ block_candidates("publisher") }}
        union all
        {{ block_candidates("subpublisher") }}
    ),

    shares as (
        select
            lower(hex(sipHash64(scope, app_id, publisher, subpublisher))) as candidate_id,
            sources.* except (all_reasons, distinct_reasons),
            {{ share("scored_installs", "flagged_installs") }} as flagged_share,
            {{ wilson_low("flagged_installs", "scored_installs") }} as flagged_share_low,
            {{ wilson_high("flagged_installs", "scored_installs") }} as flagged_share_high,
            scored_installs >= {{ var("blocklist_min_installs") }}
            and flagged_share_low >= {{ var("blocklist_min_flagged_share") }} as is_candidate
        from sources
    ),

    window_end as (select max(event_date) as as_of_date from {{ ref("install_facts") }}),

    keys as (
        select candidate_id, scope, app_id, publisher, subpublisher
        from shares
        where is_candidate
        union distinct
        select candidate_id, scope, app_id, publisher, toLowCardinality(subpublisher)
        from {{ ref("block_decisions_latest") }}
    )

select
    keys.candidate_id as candidate_id,
    keys.scope as scope,
    keys.app_id as app_id,
    keys.publisher as publisher,
    keys.subpublisher as subpublisher,
    multiIf(
        latest.decision is null,
        'shadow',
        latest.decision = 'approve' and (latest.valid_to is null or latest.valid_to >= as_of_date),
        'active',
        'expired'
    ) as state,
    toUInt8(
        sipHash64(keys.candidate_id, 'control') % 10000 < 10000 * {{ var("blocklist_control_share") }}
    ) as is_control,
    as_of_date - {{ var("blocklist_days") }} + 1 as judged_from,
    as_of_date as judged_to,
    ifNull(shares.installs, 0) as installs,
    ifNull(shares.scored_installs, 0) as scored_installs,
    ifNull(shares.flagged_installs, 0) as flagged_installs,
    shares.flagged_share as flagged_share,
    shares.flagged_share_low as flagged_share_low,
    shares.flagged_share_high as flagged_share_high,
    if(shares.candidate_id is null, 0, shares.spend_at_risk) as spend_at_risk,
    '{{ mart_currency() }}' as currency,
    ifNull(shares.unconverted_at_risk, 0) as unconverted_at_risk,
    shares.top_reasons as top_reasons,
    concat(
        toString(flagged_installs),
        ' of ',
        toString(scored_installs),
        ' scored installs flagged, most often for ',
        arrayStringConcat(top_reasons, ', ')
    ) as reason,
    concat(
        'select * from {{ ref("fct_scored_installs") }} where is_flagged = 1',
        ' and app_id = ' || {{ as_sql_text("keys.app_id") }},
        ' and publisher = ' || {{ as_sql_text("keys.publisher") }},
        if(keys.scope = 'subpublisher', ' and subpublisher = ' || {{ as_sql_text("keys.subpublisher") }}, ''),
        ' and event_date between ' || {{ as_sql_text("toString(judged_from)") }},
        ' and ' || {{ as_sql_text("toString(judged_to)") }}
    ) as evidence_query,
    latest.valid_from as blocked_from,
    latest.valid_to as blocked_to,
    latest.reason as decision_reason,
    latest.decided_by as decided_by,
    latest.decided_at as decided_at
from keys
cross join window_end
left join shares on shares.candidate_id = keys.candidate_id
left join {{ ref("block_decisions_latest") }} as latest on latest.candidate_id = keys.candidate_id
