{# Tables that killed runs left behind; on a server only those a day old, for others may be at work. #}
{% macro drop_orphans() %}
    {%- if execute and flags.WHICH in ("run", "build") -%}
        {% set orphans = run_query(
            "select database, name from system.tables where startsWith(database, '"
            ~ target.schema
            ~ "_')              and match(name, '__dbt_(new_data|tmp|backup|exchange_test)')"
            ~ (
                ""
                if target.type == "chdb"
                else " and metadata_modification_time < now() - toIntervalDay(1)"
            )
        ).rows %}
        {% for row in orphans %}
            {% do log("dropping " ~ row[0] ~ "." ~ row[1] ~ ", left by a run that was killed", info=true) %}
            {% do run_query(
                "drop table if exists " ~ row[0] ~ ".`" ~ row[1] ~ "` " ~ on_cluster_clause(this)
            ) %}
        {% endfor %}
    {%- endif -%}
{% endmacro %}
