{# Tables of raw and ml, made from the source YAML that the loader reads too. #}
{% macro create_sources() %}
    {%- if execute and flags.WHICH in (
        "run",
        "build",
        "test",
        "seed",
        "run-operation",
        "docs",
        "generate",
    ) -%}
        {% set databases = [] %}
        {% for source in graph.sources.values() if source.config.meta.get('order_by') %}
            {% if source.schema not in databases %}
                {% do databases.append(source.schema) %}
                {% do run_query(
                    "create database if not exists " ~ source.schema ~ " " ~ on_cluster_clause(this)
                ) %}
            {% endif %}
            {% do run_query(create_source_sql(source)) %}
        {% endfor %}
        {% do add_missing_columns(databases) %}
        {% do keep_hash_key() %}
    {%- endif -%}
{% endmacro %}


{# Columns that the YAML has gained since a table was made; its rows then hold NULL or the type's default. #}
{% macro add_missing_columns(databases) %}
    {% set there = [] %}
    {% for row in run_query(
        "select database || '.' || table || '.' || name from system.columns where database in ('"
        ~ databases
        | join("', '") ~ "')"
    ).rows %}
        {% do there.append(row[0]) %}
    {% endfor %}
    {% for source in graph.sources.values() if source.schema in databases and source.config.meta.get('order_by') %}
        {% set table = source.schema ~ "." ~ source.identifier %}
        {% for column in source.columns.values() if table ~ "." ~ column.name not in there %}
            {% do run_query(
                "alter table "
                ~ table
                ~ " "
                ~ on_cluster_clause(this)
                ~ " add column if not exists `"
                ~ column.name
                ~ "` "
                ~ column.data_type
            ) %}
        {% endfor %}
    {% endfor %}
{% endmacro %}


{% macro create_source_sql(source) %}
    {%- set meta = source.config.meta -%}
    create table if not exists {{ source.schema }}.{{ source.identifier }} {{ on_cluster_clause(this) }} (
    {% for column in source.columns.values() -%}
        `{{ column.name }}` {{ column.data_type }}{{ ',' if not loop.last }}
    {% endfor -%}
    )
    engine = {{ 'ReplicatedMergeTree' if target.cluster else 'MergeTree' }}
    {% if meta.get("partition_by") -%} partition by {{ meta.partition_by }}
    {%- endif %}
    order by ({{ meta.order_by | join(', ') }})
    {% if meta.get("expires") and var(meta.expires) | int > 0 -%}
    ttl toDateTime(_loaded_at) + toIntervalDay({{ var(meta.expires) | int }})
    {%- endif %}
{% endmacro %}


{#
    The key behind every hashed id lives in the store, so that no view shows it. It is kept
    from the first run; a run that brings another key is refused, since hashes would part.
#}
{% macro keep_hash_key() %}
    {% set table = target.schema ~ "_raw.hash_key" %}
    {% do run_query(
        "create table if not exists "
        ~ table
        ~ " "
        ~ on_cluster_clause(this)
        ~ " (key_0 UInt64, key_1 UInt64) engine = "
        ~ ("ReplicatedMergeTree" if target.cluster else "MergeTree")
        ~ " order by tuple()"
    ) %}
    {% set text = (
        env_var("CLICKWARD_HASH_KEY", "clickward-development-key")
        | replace("\\", "\\\\")
        | replace("'", "\\'")
    ) %}
    {% set wanted = "sipHash64('0', '" ~ text ~ "'), sipHash64('1', '" ~ text ~ "')" %}
    {% set kept = run_query(
        "select count(), countIf((key_0, key_1) = (" ~ wanted ~ ")) from " ~ table
    ).rows[0] %}
    {% if kept[0] == 0 %} {% do run_query("insert into " ~ table ~ " select " ~ wanted) %}
    {% elif kept[1] == 0 %}
        {{
            exceptions.raise_compiler_error(
                "CLICKWARD_HASH_KEY is not the key this store was made with: ids hashed before and after "
                ~ "would not match. Set the key it was made with, or start a new store."
            )
        }}
    {% endif %}
{% endmacro %}
