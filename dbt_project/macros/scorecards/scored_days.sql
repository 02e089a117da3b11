{# Scores as an upstream of days_to_build: a day is built again when what is in force may differ. #}
{% macro scored_days(subject) %}
    {{
        return(
            {
                "from": source("ml", "scores"),
                "date": "toDate(subject_at)",
                "fingerprint": "run_id, subject_id, " ~ in_runs("= 2") ~ ", " ~ in_runs("= 1"),
                "where": "subject = '"
                ~ subject
                ~ "' and run_id in (select run_id from "
                ~ source("ml", "runs")
                ~ ")",
                "defines_days": 0,
            }
        )
    }}
{% endmacro %}


{# Whether a score's run stands so in production_runs. #}
{% macro in_runs(standing) -%}
    run_id in (select run_id from {{ ref("production_runs") }} where standing {{ standing }})
{%- endmacro %}
