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
        {% for column in source.columns.values() %}
            {% if table ~ "." ~ column.name not in there %}
                {% set place = "first" if loop.first else "after `" ~ loop.previtem.name ~ "`" %}
                {% do run_query(
                    "alter table "
                    ~ table
                    ~ " "
                    ~ on_cluster_clause(this)
                    ~ " add column if not exists `"
                    ~ column.name
                    ~ "` "
                    ~ column.data_type
                    ~ " "
                    ~ place
                ) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
{% endmacro %}


{% macro create_source_sql(source) %}
    {%- set meta = source.config.meta -%}
    {%- set days = var(meta.expires) if meta.get("expires") else 0 -%}
    {%- if days is not integer or days is boolean or days < 0 -%}
        {{
            exceptions.raise_compiler_error(
                "the variable "
                ~ meta.expires
                ~ " is '"
                ~ days
                ~ "', expected whole days from 0 up; 0 keeps rows for ever."
            )
        }}
    {%- endif -%}
    create table if not exists {{ source.schema }}.{{ source.identifier }} {{ on_cluster_clause(this) }} (
    {% for column in source.columns.values() -%}
        `{{ column.name }}` {{ column.data_type }}{{ ',' if not loop.last }}
    {% endfor -%}
    )
    engine = {{ 'ReplicatedMergeTree' if target.cluster else 'MergeTree' }}
    {% if meta.get("partition_by") -%} partition by {{ meta.partition_by }}
    {%- endif %}
    order by ({{ meta.order_by | join(', ') }})
    {% if days > 0 -%} ttl toDateTime(_loaded_at) + toIntervalDay({{ days }})
    {%- endif %}
{% endmacro %}


{#
    The key behind every hashed id lives in the store, so that no view shows it. It is kept
    from the first run; a run that brings another key is refused, since hashes would part.
    dbt logs every statement, so the key is in none: the embedded adapter inserts it as a row, and
    on a server `clickward` has done so before dbt begins. Everyone knows the development key.
#}
{% macro keep_hash_key() %}
    {% set table = target.schema ~ "_raw.hash_key" %}
    {% if target.type == "chdb" %} {% do adapter.keep_hash_key(table) %}
    {% else %}
        {% do run_query(
            "create table if not exists "
            ~ table
            ~ " "
            ~ on_cluster_clause(this)
            ~ " (key_0 UInt64, key_1 UInt64) engine = "
            ~ ("ReplicatedMergeTree" if target.cluster else "MergeTree")
            ~ " order by tuple()"
        ) %}
        {% if run_query("select count() from " ~ table).rows[0][0] == 0 %}
            {% if env_var("CLICKWARD_HASH_KEY", "clickward-development-key") != "clickward-development-key" %}
                {{
                    exceptions.raise_compiler_error(
                        "this server has no hash key yet, and dbt would write CLICKWARD_HASH_KEY to its log: "
                        ~ "run `clickward build --target "
                        ~ target.name
                        ~ "` once, then dbt"
                    )
                }}
            {% endif %}
            {% set text = "'clickward-development-key'" %}
            {% do run_query(
                "insert into "
                ~ table
                ~ " select sipHash64('0', "
                ~ text
                ~ "), sipHash64('1', "
                ~ text
                ~ ")"
            ) %}
        {% endif %}
    {% endif %}
{% endmacro %}
