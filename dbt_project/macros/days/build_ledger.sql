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
        ~ " (model String, day Date, inputs UInt64, is_wanted UInt8)"
        ~ " engine = "
        ~ engine
        ~ " partition by model order by day"
    ) %}
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
    Post-hook: after the swap, drop the days that became empty and record the planned ones.
#}
{% macro record_days() %}
    {%- if execute and flags.WHICH in ("run", "build") -%}
        {% set plan_table = target.schema ~ "_raw.build_plan" %}
        {% set plan = run_query(
            "select toString(day), is_wanted from "
            ~ plan_table
            ~ " where model= '"
            ~ this.name
            ~ "' order by day"
        ).rows %}
        {% if plan %}
            {% for row in plan if not row[1] %}
                {% do run_query("alter table " ~ this ~ " drop partition '" ~ row[0] ~ "'") %}
            {% endfor %}
            {% do run_query(
                "insert into "
                ~ target.schema
                ~ "_raw.build_days                  select '"
                ~ this.name
                ~ "', plan.day, plan.inputs, coalesce(built.content, 0), coalesce(built.rows, 0), plan.is_wanted, now64(3)                  from (select * from "
                ~ plan_table
                ~ " where model= '"
                ~ this.name
                ~ "') as plan                  left join (                      select event_date as day, sum(cityHash64(tuple(*))) as content, count() as rows                      from "
                ~ this
                ~ "                      where event_date in (select day from "
                ~ plan_table
                ~ " where model= '"
                ~ this.name
                ~ "')                      group by day                  ) as built on built.day = plan.day"
            ) %}
            {% do run_query("alter table " ~ plan_table ~ " drop partition '" ~ this.name ~ "'") %}
        {% endif %}
    {%- endif -%}
{% endmacro %}


{# A build's beginning and end, so that nobody publishes what is half built or failed its tests. #}
{% macro begin_build() %}
    {%- if execute and flags.WHICH in ("run", "build") -%}
        {% do run_query(
            "create table if not exists "
            ~ target.schema
            ~ "_raw.build_runs "
            ~ on_cluster_clause(this)
            ~ " (run_id String, event LowCardinality(String), at DateTime64(3, 'UTC')) engine = "
            ~ ("ReplicatedMergeTree" if target.cluster else "MergeTree")
            ~ " order by (run_id, at)"
        ) %}
        {% do record_build_event("begun") %}
    {%- endif -%}
{% endmacro %}


{% macro end_build(results) %}
    {%- if execute and flags.WHICH in ("run", "build") -%}
        {% set failed = results | selectattr("status", "in", ["error", "fail", "runtime error"]) | list %}
        {% do record_build_event("failed" if failed else "passed") %}
    {%- endif -%}
{% endmacro %}


{% macro record_build_event(event) %}
    {% do run_query(
        "insert into "
        ~ target.schema
        ~ "_raw.build_runs (run_id, event, at) select '"
        ~ invocation_id
        ~ "', '"
        ~ event
        ~ "', now64(3)"
    ) %}
{% endmacro %}
