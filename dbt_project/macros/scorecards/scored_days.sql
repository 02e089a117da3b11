{# Scores as an upstream of days_to_build: a day is built again when what is in force may differ. #}
{% macro scored_days(subject) %}
    {{
        return(
            {
                "from": source("ml", "scores"),
                "date": "toDate(subject_at)",
                "fingerprint": "run_id, subject_id, model_version in (select model_version from "
                ~ ref("champions")
                ~ ")",
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
