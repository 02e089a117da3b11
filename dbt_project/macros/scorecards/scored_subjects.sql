{#
    Scored installs of a relation of scores, with what each was; `more` are further columns of the scores.
    A score of an install that core has no longer, since its load was taken back, stays in `ml` alone.
#}
{% macro scored_installs_of(relation, more=[]) %}
    {{
        _scored_of(
            relation,
            "install",
            "installs",
            "installed_at",
            ["is_organic", "is_blocked", "ctit_seconds", "payout", "payout_currency"],
            more,
        )
    }}
{% endmacro %}


{# The same of clicks. #}
{% macro scored_clicks_of(relation, more=[]) %}
    {{ _scored_of(relation, "click", "clicks", "clicked_at", [], more) }}
{% endmacro %}


{% macro _scored_of(relation, subject, subjects, at, facts, more) %}
    with

        scores as (select * from {{ relation }} where subject = '{{ subject }}'),

        subjects as (select * from {{ ref(subjects) }})

    select
        scores.subject_id as {{ subject }}_id,
        scores.subject_at as {{ at }},
        toDate(scores.subject_at) as event_date,
        {% for fact in ["app_id", "publisher", "subpublisher", "country", "platform"] + facts -%}
            subjects.{{ fact }} as {{ fact }},
        {% endfor -%}
        scores.target as target,
        scores.model_version as model_version,
        {% for column in more %} scores.{{ column }} as {{ column }}, {% endfor -%}
        scores.score as score,
        scores.threshold_name as threshold_name,
        scores.threshold as threshold,
        scores.is_flagged as is_flagged,
        arrayMap(
            (name, value) -> name || ' = ' || value, scores.reason_features, scores.reason_values
        ) as reasons,
        scores.run_id as run_id,
        scores.scored_at as scored_at
    from scores
    inner join subjects on subjects.{{ subject }}_id = scores.subject_id
{% endmacro %}
