{{
    config(
        materialized="table",
        engine=table_engine(),
        order_by="(event_date, model_version, labels)",
        contract={"enforced": true},
    )
}}
-- Every model's flags and ranking against verdicts, as soon as known and once matured.
with

    scored as (
        select
            install_id,
            toDate(installed_at) as event_date,
            installed_at,
            model_version,
            score,
            ifNull(is_flagged, 0) as is_flagged
        from {{ ref("fct_scored_installs_by_version") }}
        where target = 'is_fraud'
    ),

    verdicts as (
        select subject_id, verdict_source, value, known_at
        from {{ ref("labels") }}
        where subject = 'install' and target = 'is_fraud'
    ),

    known_until as (select max(known_at) as last_known_at from verdicts),

    readings as (
        select subject_id, max(provisional) as is_provisional_fraud, max(matured) as is_matured_fraud
        from
            (
                select
                    subject_id,
                    verdict_source,
                    {%- set soon = "known_at <= installed_at + toIntervalDay(%s)" % var("provisional_days") %}
                    {{ latest_verdict(known=soon) }} as provisional,
                    {{ latest_verdict() }} as matured
                from verdicts
                inner join
                    (select distinct install_id, installed_at from scored) as subjects
                    on subjects.install_id = verdicts.subject_id
                group by subject_id, verdict_source
            )
        group by subject_id
    ),

    labelled as (
        select
            event_date,
            model_version,
            score,
            is_flagged,
            arrayJoin(
                [('provisional', ifNull(is_provisional_fraud, 0)), ('matured', ifNull(is_matured_fraud, 0))]
            ) as reading,
            reading .1 as labels,
            reading .2 as is_fraud
        from scored
        left join readings on readings.subject_id = scored.install_id
    )

select
    event_date,
    toLowCardinality(model_version) as model_version,
    toLowCardinality(labels) as labels,
    toUInt8(
        any(last_known_at)
        >= event_date + 1 + if(labels = 'matured', {{ var("matured_days") }}, {{ var("provisional_days") }})
    ) as is_complete,
    count() as installs,
    sum(is_fraud) as frauds,
    sum(is_flagged) as flagged,
    countIf(is_flagged and is_fraud) as frauds_flagged,
    if(frauds = 0, null, frauds_flagged / frauds) as recall,
    {{ wilson_low("frauds_flagged", "frauds") }} as recall_low,
    {{ wilson_high("frauds_flagged", "frauds") }} as recall_high,
    if(flagged = 0, null, frauds_flagged / flagged) as precision,
    {{ wilson_low("frauds_flagged", "flagged") }} as precision_low,
    {{ wilson_high("frauds_flagged", "flagged") }} as precision_high,
    if(installs = frauds, null, (flagged - frauds_flagged) / (installs - frauds)) as false_positive_rate,
    if(
        frauds in (0, installs), null, arrayPRAUC(groupArray(score), groupArray(is_fraud))
    ) as average_precision,
    if(frauds in (0, installs), null, arrayROCAUC(groupArray(score), groupArray(is_fraud))) as roc_auc
from labelled
cross join known_until
group by event_date, model_version, labels
