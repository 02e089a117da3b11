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


{# The same as `source.report`. #}
{% macro loaded_reports() %}
    {% set names = [] %}
    {% for model in staged_reports() %} {% do names.append(model[4:] | replace("__", ".")) %} {% endfor %}
    {{ return(names) }}
{% endmacro %}


{#
    Upstream of a core model: the loads of these reports (`source.report`), by day. A day to
    which a load brought rows that raw no longer holds is frozen: built again, it would lose them.
#}
{% macro loads_of(reports) %}
    {% set pairs = [] %}
    {% for name in reports %} {% do pairs.append("('" ~ name.split(".") | join("', '") ~ "')") %} {% endfor %}
    {% set where = "(source, report) in (" ~ pairs | join(", ") ~ ")" %}
    {% set expired %}
        select event_date
        from {{ ref("load_days") }}
        where
            {{ where }}
            and load_id in (
                select loads.load_id
                from {{ source("loads", "loads") }} as loads
                left join {{ ref("load_presence") }} as held on held.load_id = loads.load_id
                where loads.rows_loaded > coalesce(held.rows_present, 0)
            )
    {% endset %}
    {{
        return(
            {
                "from": ref("load_days"),
                "date": "event_date",
                "fingerprint": "load_id, rows",
                "rows": "sum(rows)",
                "where": where,
                "frozen": expired,
            }
        )
    }}
{% endmacro %}


{% macro table_engine() -%}
    {{ return("ReplicatedMergeTree" if target.cluster else "MergeTree()") }}
{%- endmacro %}
