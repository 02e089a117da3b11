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
    Which reading of raw this is: raised when staging reads rows otherwise than before. Days whose loads
    raw still holds are then built again; others stay, with the columns they have.
#}
{% macro reading() %} {{ return(2) }} {% endmacro %}

{# What stands for a load's part of a day; as it was in the first reading, which did not say so. #}
{% macro day_of_load() -%} load_id, if(reading = 1, rows, cityHash64(rows, reading)) {%- endmacro %}

{# Rows of `load_days` that count: those of the last reading of their load. #}
{% macro is_last_reading() -%}
    (load_id, reading) in (select load_id, max(reading) from {{ ref("load_days") }} group by load_id)
{%- endmacro %}


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
            and {{ is_last_reading() }}
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
                "fingerprint": day_of_load(),
                "rows": "sum(rows)",
                "where": where ~ " and " ~ is_last_reading(),
                "frozen": expired,
            }
        )
    }}
{% endmacro %}


{% macro table_engine() -%}
    {{ return("ReplicatedMergeTree" if target.cluster else "MergeTree()") }}
{%- endmacro %}
