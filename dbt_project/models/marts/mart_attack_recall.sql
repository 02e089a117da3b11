{{ config(materialized="view") }}
-- Scores against the hidden truth of a simulated world; without one every install is "honest".
with

    scored as (select * from {{ ref("fct_scored_installs_by_version") }} where target = 'is_fraud'),

    truth as (select * from {{ ref("install_truth") }}),

    counted as (
        select
            scored.model_version as version,
            coalesce(truth.attack, 'honest') as attack_or_honest,
            count() as installs,
            countIf(scored.is_flagged = 1) as flagged
        from scored
        left join truth on truth.install_id = scored.install_id
        group by version, attack_or_honest
    )

select
    version as model_version,
    attack_or_honest as attack,
    installs,
    flagged,
    flagged / installs as flagged_share,
    {{ wilson_low("flagged", "installs") }} as flagged_share_low,
    {{ wilson_high("flagged", "installs") }} as flagged_share_high
from counted
