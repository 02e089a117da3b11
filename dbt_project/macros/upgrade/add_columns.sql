{#
    Columns that came later, added in place to the tables of stores made before: rows of days that cannot
    be built again have NULL in them. A backfill of such a column is the ordinary build: days whose raw
    is there are built again, since `reading()` was raised with it.
#}
{% macro columns_added_later() %}
    {{
        return(
            [
                {
                    "stage": "staging",
                    "table": "load_days",
                    "column": "reading",
                    "type": "UInt8 default 1",
                    "after": "rows",
                },
                {
                    "stage": "staging",
                    "table": "load_accounting",
                    "column": "unread_values",
                    "type": "Nullable(UInt64)",
                    "after": "rejected",
                },
                {
                    "stage": "core",
                    "table": "installs",
                    "column": "payout_currency",
                    "type": "LowCardinality(Nullable(String))",
                    "after": "payout",
                },
            ]
        )
    }}
{% endmacro %}


{#
    Whether the table is made anew: by a full refresh, or since a mart's contract has other columns than it.
    A mart is made of core, which is there; core and features may hold days that cannot be made again.
#}
{% macro is_built_anew() %}
    {% if should_full_refresh() %} {{ return(true) }} {% endif %}
    {% set existing = load_cached_relation(this) %}
    {% if existing is none or model.fqn[1] != "marts" or not model.config.contract.enforced %}
        {{ return(false) }}
    {% endif %}
    {% set found = adapter.get_columns_in_relation(existing) | map(attribute="name") | list %}
    {{ return(found | sort != model.columns.keys() | list | sort) }}
{% endmacro %}


{% macro add_columns() %}
    {%- if execute and flags.WHICH in ("run", "build") -%}
        {# The tables that are there, with each of their columns; a view follows what it reads. #}
        {% set found_sql %}
            select concat(columns.database, '.', columns.table), columns.name
            from system.columns as columns
            inner join system.tables as tables
                on tables.database = columns.database and tables.name = columns.table
            where tables.engine not like '%View' and (columns.database, columns.table) in (
                {% for added in columns_added_later() -%}
                    ('{{ target.schema }}_{{ added.stage }}', '{{ added.table }}'){{ ", " if not loop.last }}
                {%- endfor %}
            )
        {% endset %}
        {% set found = run_query(found_sql).rows %}
        {% set there = found | map(attribute=0) | list %}
        {% set columns = found | map("join", ".") | list %}
        {% for added in columns_added_later() %}
            {% set table = target.schema ~ "_" ~ added.stage ~ "." ~ added.table %}
            {% if table in there and (table ~ "." ~ added.column) not in columns %}
                {% do log("column " ~ added.column ~ " is added to " ~ table, info=true) %}
                {% do run_query(
                    "alter table "
                    ~ table
                    ~ " "
                    ~ on_cluster_clause(this)
                    ~ " add column if not exists "
                    ~ added.column
                    ~ " "
                    ~ added.type
                    ~ " after "
                    ~ added.after
                ) %}
            {% endif %}
        {% endfor %}
    {%- endif -%}
{% endmacro %}
