{#
    Entities whose keys are the call's keys and further columns: one address and one app, beside
    the address. The hash of such a key is what distinct counts of the column sort by anyway, so
    that one sort serves both, and no table of its own has to be read, written and joined.
#}
{% macro plan_finer(plan, part, windows) %}
    {% set keys = part["keys"] %}
    {% set is_known = "(" ~ keys | join(") is not null and (") ~ ") is not null" %}
    {% set known = window_input(plan, "toUInt8(coalesce(" ~ is_known ~ ", false))") %}
    {% set wanted = plan["values"][planned_value(plan, known, keys | join(", "))] %}
    {% do plan_ratios(plan, part.entity, part.aggregates) %}
    {% for aggregate in part.aggregates if not aggregate.get("ratio") %}
        {% for window in aggregate.get("windows", windows) %}
            {% set method = window_method(aggregate, window, part.aggregates) %}
            {% if method != "sums" or plan.places %}
                {{
                    exceptions.raise_compiler_error(
                        "aggregate '"
                        ~ aggregate.aggregate
                        ~ "' of "
                        ~ part.entity
                        ~ ": finer entities take sums only, beside no sequences; give it a model of its own"
                    )
                }}
            {% endif %}
            {% set name = window_column(part.entity, aggregate, window) %}
            {% do wanted.finer.append({"name": name, "sql": cumulative_aggregate(plan, aggregate, window)}) %}
            {% do plan.finer_columns.append({"name": name, "known": known}) %}
        {% endfor %}
    {% endfor %}
{% endmacro %}
