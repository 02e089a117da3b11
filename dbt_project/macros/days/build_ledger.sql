{# The ledger of built days, and the plan of models being built. #}
{% macro make_build_ledger() %}
    {% set engine = "ReplicatedMergeTree" if target.cluster else "MergeTree" %}
    {% do run_query(
        "create table if not exists "
        ~ target.schema
        ~ "_raw.build_days "
        ~ on_cluster_clause(this)
        ~ " (model LowCardinality(String), day Date, inputs UInt64, content UInt64, rows UInt64, is_wanted UInt8, built_at DateTime64(3, 'UTC'))"
        ~ " engine = "
        ~ engine
        ~ " order by (model, day, built_at)"
    ) %}
    {% do run_query(
        "create table if not exists "
        ~ target.schema
        ~ "_raw.build_plan "
        ~ on_cluster_clause(this)
        ~ " (model String, day Date, inputs UInt64, is_wanted UInt8, chunk UInt32, parts UInt32, rows UInt64)"
        ~ " engine = "
        ~ engine
        ~ " partition by model order by day"
    ) %}
    {# Stores from before builds were cut into chunks. #}
    {% set added = [] %}
    {% for column in ["chunk UInt32", "parts UInt32", "rows UInt64"] %}
        {% do added.append("add column if not exists " ~ column) %}
    {% endfor %}
    {% do run_query(
        "alter table " ~ target.schema ~ "_raw.build_plan " ~ on_cluster_clause(this) ~ added
        | join(", ")
    ) %}
{% endmacro %}


{#
    What ended runs have left, asked once for all models: names of those with a plan, and of
    tables with parts.
#}
{% macro found_at_start() %}
    {% if "clickward_found" not in graph %}
        {% set plans = run_query("select distinct model from " ~ target.schema ~ "_raw.build_plan") %}
        {% set parts_sql %}
            select distinct '`' || database || '`.`' || splitByString('__dbt_part_', name)[1] || '`'
            from system.tables
            where name like '%\_\_dbt\_part\_%'
        {% endset %}
        {% do graph.setdefault(
            "clickward_found",
            {
                "plans": plans.rows | map(attribute=0) | list,
                "parts": run_query(parts_sql).rows | map(attribute=0) | list,
            },
        ) %}
    {% endif %}
    {{ return(graph.clickward_found) }}
{% endmacro %}


{% macro recorded_days_sql(model_name) -%}
    select day, latest .1 as inputs, latest .2 as content, latest .3 as rows
    from
        (
            select day, argMax((inputs, content, rows, is_wanted), built_at) as latest
            from {{ target.schema }}_raw.build_days
            where model = '{{ model_name }}'
            group by day
        )
    where latest .4
{%- endmacro %}


{#
    The days as they stand in a relation that is about to be swapped in: SQL tuples of day, a number made of all that the
    day's rows hold, rows. Read before the swap: after it the engine merges the days' files, which
    takes half of the machine from whoever reads them.
#}
{% macro contents_of_days(relation) %}
    {% set contents_sql %}
        select toString((toString(event_date), sum(cityHash64(tuple(*))), count()))
        from {{ relation }}
        group by event_date
    {% endset %}
    {{ return(run_query(contents_sql).rows | map(attribute=0) | list) }}
{% endmacro %}


{# After the swap: the chunk's days as they were planned, and the contents that stand now. #}
{% macro record_days(chunk, contents) %}
    {% do run_query(
        "insert into "
        ~ target.schema
        ~ "_raw.build_days select '"
        ~ this.name
        ~ "', plan.day, plan.inputs, built.content, built.rows, plan.is_wanted, now64(3) from"
        ~ " (select day, inputs, is_wanted from "
        ~ target.schema
        ~ "_raw.build_plan where model= '"
        ~ this.name
        ~ "' and chunk = "
        ~ chunk.number
        ~ ") as plan left join values('day Date, content UInt64, rows UInt64', "
        ~ (contents or ["('1970-01-01', 0, 0)"])
        | join(", ") ~ ") as built on built.day = plan.day settings join_use_nulls = 0"
    ) %}
{% endmacro %}


{# Strike every day of the model from the ledger. #}
{% macro forget_days() %}
    {% do run_query(
        "insert into "
        ~ target.schema
        ~ "_raw.build_days select '"
        ~ this.name
        ~ "', day, 0, 0, 0, 0, now64(3) from ("
        ~ recorded_days_sql(this.name)
        ~ ")"
    ) %}
{% endmacro %}
