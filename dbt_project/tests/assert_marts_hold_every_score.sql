-- What core has of the subjects that runs which may count have scored, and the marts made of them agree,
-- day by day.
with

    counting as (
        select subject, subject_id
        from {{ ref("scores_committed") }}
        where run_id in (select run_id from {{ ref("production_runs") }})
    ),

    scored as (
        {% for subject in ["install", "click"] %}
            select '{{ subject }}' as subject, event_date, count() as subjects
            from {{ ref(subject ~ "s") }}
            where {{ subject }}_id in (select subject_id from counting where subject = '{{ subject }}')
            group by event_date {{ "union all" if not loop.last }}
        {% endfor %}
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
where scored.subjects != coalesce(fact_subjects, 0) or scored.subjects != coalesce(mart_subjects, 0)
