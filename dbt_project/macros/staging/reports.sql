{# Every staging model of raw reports: a new source adds its models here and to its core model. #}
{% macro staged_reports() %}
    {{
        return(
            [
                "stg_talkingdata__clicks",
                "stg_appsflyer__clicks",
                "stg_appsflyer__installs",
                "stg_appsflyer__in_app_events",
                "stg_appsflyer__blocked_installs",
                "stg_appsflyer__detection",
            ]
        )
    }}
{% endmacro %}


{# Upstream of a core model: the loads of these reports, by day. #}
{% macro loads_of(reports) %}
    {{
        return(
            {
                "from": ref("load_days"),
                "date": "event_date",
                "fingerprint": "load_id, rows",
                "where": "(source, report) in (" ~ reports | join(", ") ~ ")",
            }
        )
    }}
{% endmacro %}


{% macro table_engine() -%}
    {{ return("ReplicatedMergeTree" if target.cluster else "MergeTree()") }}
{%- endmacro %}
