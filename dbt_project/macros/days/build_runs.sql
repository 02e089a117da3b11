{# A build's beginning and end, so that nobody publishes what is half built or failed its tests. #}
{% macro begin_build() %}
    {%- if execute and flags.WHICH in ("run", "build") -%}
        {% do make_build_ledger() %}
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
    {%- if execute and flags.WHICH in ("build", "test") -%} {% do keep_passed_tests(results) %} {%- endif -%}
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
