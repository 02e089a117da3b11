{# Aggregates over a frame whose start moves: looks at every event of every window. #}
{% macro frame_aggregate(plan, aggregate, window) %}
    {% if milliseconds(window) >= 2147483647 %}
        {{
            exceptions.raise_compiler_error(
                "method 'frames' of " ~ aggregate.measure ~ ": reaches 24 days, not " ~ window
            )
        }}
    {% endif %}
    {% set over = " over last_" ~ window %}
    {% if aggregate.aggregate == "count_distinct" %}
        {% set selected = selected_input(plan, aggregate) %}
        {% set value = window_input(plan, "if(" ~ selected ~ ", " ~ aggregate.of ~ ", null)") %}
        {{ return("uniqExact(" ~ value ~ ")" ~ over) }}
    {% endif %}
    {# min and max #}
    {{ return(aggregate.aggregate ~ "OrNull(" ~ sequence_value(plan, aggregate) ~ ")" ~ over) }}
{% endmacro %}
