-- Scores of runs that may count and the marts made of them agree, day by day.
with

    scored as (
        select subject, toDate(subject_at) as event_date, uniqExact(subject_id) as subjects
        from {{ ref("scores_committed") }}
        where run_id in (select run_id from {{ ref("production_runs") }})
        group by subject, event_date
    ),

    in_facts as (
        select 'install' as subject, event_date, uniqExact(install_id) as subjects
        from {{ ref("fct_scored_installs") }}
        group by event_date
        union all
        select 'click' as subject, event_date, uniqExact(click_id) as subjects
        from {{ ref("fct_scored_clicks") }}
        group by event_date
    ),

    in_mart as (
        select event_date, sum(scored_installs) as mart_installs, sum(scored_clicks) as mart_clicks
        from {{ ref("mart_publisher_daily") }}
        group by event_date
    )

select
    scored.subject,
    scored.event_date,
    scored.subjects as scored_subjects,
    in_facts.subjects as fact_subjects,
    if(scored.subject = 'install', in_mart.mart_installs, in_mart.mart_clicks) as mart_subjects
from scored
left join in_facts on in_facts.subject = scored.subject and in_facts.event_date = scored.event_date
left join in_mart on in_mart.event_date = scored.event_date
where
    scored.subject in ('install', 'click')
    and (scored.subjects != coalesce(fact_subjects, 0) or scored.subjects != coalesce(mart_subjects, 0))
