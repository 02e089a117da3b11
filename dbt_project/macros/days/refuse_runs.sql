{#
    Runs that would write tables of fewer rows than there are, or take them from elsewhere, while
    the ledgers of loads and days said that all is there. Refused before anything is written.
#}
{% macro refuse_runs_of_less() %}
    {%- if execute and flags.WHICH in ("run", "build", "snapshot") -%}
        {% for option in ["empty", "sample"] if invocation_args_dict.get(option) %}
            {{
                exceptions.raise_compiler_error(
                    "--"
                    ~ option
                    ~ " is refused: it would replace tables and views by ones of fewer rows. To try models"
                    ~ " on little, load a little under another CLICKWARD_SCHEMA and build there."
                )
            }}
        {% endfor %}
        {% do refuse_deferred() %}
    {%- endif -%}
{% endmacro %}


{# A table whose days or loads are counted cannot be made of another schema's: its ledger is not ours. #}
{% macro refuse_deferred() %}
    {% for id in selected_resources if invocation_args_dict.get("defer") and is_counted(id) %}
        {% for upstream in graph.nodes[id].depends_on.nodes if upstream in graph.nodes and upstream not in selected_resources %}
            {{
                exceptions.raise_compiler_error(
                    graph.nodes[id].name
                    ~ " cannot be built with --defer of "
                    ~ graph.nodes[upstream].name
                    ~ ", whose days are recorded in another schema. Select +"
                    ~ graph.nodes[id].name
                    ~ ", or say --no-defer."
                )
            }}
        {% endfor %}
    {% endfor %}
{% endmacro %}


{# What loads brought to each day is known by `load_days` alone once raw rows have expired. #}
{% macro refuse_expired_counts() %}
    {% for id in selected_resources if execute and flags.WHICH in ("run", "build") and flags.FULL_REFRESH and id.endswith(".load_days") and is_counted(id) %}
        {% set present = [] %}
        {% for report in loaded_reports() %}
            {% do present.append(
                "select _load_id as id from " ~ target.schema ~ "_raw." ~ report | replace(".", "__")
            ) %}
        {% endfor %}
        {% set expired %}
            select loads.file_name
            from {{ target.schema }}_raw.loads as loads
            left join (select id, count() as rows from ({{ present | join(" union all ") }}) group by id) as held
                on held.id = loads.load_id
            where loads.rows_loaded > coalesce(held.rows, 0) and loads.source || '.' || loads.report in ('{{ loaded_reports() | join("', '") }}')
            order by loads.committed_at
            limit 1
        {% endset %}
        {% for row in run_query(expired).rows %}
            {{
                exceptions.raise_compiler_error(
                    "load_days cannot be built anew: raw rows of "
                    ~ row[0]
                    ~ " have expired, and what was made of them would be lost. Build without --full-refresh,"
                    ~ " or refresh only models above core: --select features feature_sets."
                )
            }}
        {% endfor %}
    {% endfor %}
{% endmacro %}


{% macro is_counted(id) %}
    {{ return(id in graph.nodes and graph.nodes[id].config.materialized in ("by_day", "incremental")) }}
{% endmacro %}


{# dbt's own copies a table and leaves behind the ledger that says what its days are made of. #}
{% materialization clone, adapter = "clickhouse" %}
    {{
        exceptions.raise_compiler_error(
            "dbt clone is refused: it copies tables without the ledger of their days, which the next"
            ~ " build would take for empty. Load and build under another CLICKWARD_SCHEMA."
        )
    }}
{% endmaterialization %}
