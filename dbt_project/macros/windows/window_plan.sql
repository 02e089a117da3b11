{#
    What a call of `window_features` has to compute, by method:

    inputs     SQL over a row's columns -> name; computed once, whoever asks for it
    values     name of a value -> what the value runs of it are asked for (value_runs.sql)
    marks      how many bits the beginnings and ends of runs take (run_aggregates.sql)
    columns    name, and SQL over the frames (frames.sql, cumulative.sql), or `sequence`: SQL
               over arrays of the key's events (sequences.sql)
    finer_columns
               name, and the input that says whether the finer key is known (finer.sql)
    ratios     name, and SQL over the other columns
    all_count  whether every row is an event
    places, event_fields
               what a subject and an event carry into those arrays
#}
{% macro window_plan(entity, windows, aggregates, finer=[], all_count=false) %}
    {% set plan = {
        "inputs": {},
        "values": {},
        "columns": [],
        "finer_columns": [],
        "ratios": [],
        "all_count": all_count,
        "places": [],
        "event_fields": [],
        "marks": {"bits": 0},
    } %}
    {% do plan_ratios(plan, entity, aggregates) %}
    {% for aggregate in aggregates if not aggregate.get("ratio") %}
        {% for window in aggregate.get("windows", windows) %}
            {% set column = {"name": window_column(entity, aggregate, window)} %}
            {% set method = window_method(aggregate, window, aggregates) %}
            {% if method == "sums" %}
                {% do column.update({"sql": cumulative_aggregate(plan, aggregate, window)}) %}
            {% elif method == "runs" %}
                {% do column.update({"sql": runs_aggregate(plan, aggregate, window)}) %}
            {% elif method == "frames" %}
                {% do column.update({"sql": frame_aggregate(plan, aggregate, window)}) %}
            {% else %} {% do column.update({"sequence": sequence_aggregate(plan, aggregate, window)}) %}
            {% endif %}
            {% do plan.columns.append(column) %}
        {% endfor %}
    {% endfor %}
    {% for part in finer %} {% do plan_finer(plan, part, windows) %} {% endfor %}
    {{ return(plan) }}
{% endmacro %}


{% macro window_column(entity, aggregate, window) -%}
    {%- set is_whole_name = aggregate.get("ratio") or aggregate.aggregate == "seconds_since_last" -%}
    {{ return(entity ~ "__" ~ aggregate.measure ~ ("" if is_whole_name else "_" ~ window)) }}
{%- endmacro %}


{# Ratios of an entity's features; NULL where the lower one is 0, or either is unknown. #}
{% macro plan_ratios(plan, entity, aggregates) %}
    {% for aggregate in aggregates if aggregate.get("ratio") %}
        {% set upper, lower = ratio_of(entity, aggregate) %}
        {% do plan.ratios.append(
            {"name": window_column(entity, aggregate), "sql": upper ~ " / nullIf(" ~ lower ~ ", 0)"}
        ) %}
    {% endfor %}
{% endmacro %}


{# Name of a column made of one row's columns. #}
{% macro window_input(plan, sql) %}
    {% if sql not in plan.inputs %}
        {% do plan.inputs.update({sql: "input_" ~ (plan.inputs | length + 1)}) %}
    {% endif %}
    {{ return(plan.inputs[sql]) }}
{% endmacro %}


{# Input that is 1 for the events an aggregate reads, and where `also` holds; never NULL. #}
{% macro selected_input(plan, aggregate, also=none) %}
    {% set parts = [] if plan.all_count else ["is_event"] %}
    {% if aggregate.get("where") %} {% do parts.append("(" ~ aggregate.where ~ ")") %} {% endif %}
    {% if also %} {% do parts.append(also) %} {% endif %}
    {{ return(window_input(plan, "toUInt8(coalesce(" ~ (parts | join(" and ") or "true") ~ ", false))")) }}
{% endmacro %}
