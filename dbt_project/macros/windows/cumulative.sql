{#
    Aggregates that are sums: of the key's events before t, less those before t - w. Sums are
    taken over whole numbers, so that the difference is exact and no order of rows shows in it.
#}
{% macro cumulative_aggregate(plan, aggregate, window) %}
    {% set kind = aggregate.aggregate %}
    {% set of = aggregate.get("of") %}
    {% if kind in ("sum", "mean", "standard_deviation") %}
        {{ return(number_aggregate(plan, aggregate, window)) }}
    {% elif kind == "share" %}
        {% set n = counted(selected_input(plan, aggregate, "(" ~ of ~ ") is not null"), window) %}
        {% set holding = counted(selected_input(plan, aggregate, "(" ~ of ~ ")"), window) %}
        {{ return("if(" ~ n ~ " = 0, null, " ~ holding ~ " / " ~ n ~ ")") }}
    {% elif kind == "smoothed_rate" %}
        {# Shrunk toward the prior: (positives + weight * prior) / (n + weight). #}
        {% set positives = summed(number_input(plan, aggregate, of), window) %}
        {% set n = summed(number_input(plan, aggregate, aggregate.over), window) %}
        {% set weight = aggregate.weight %}
        {{ return("(" ~ positives ~ " + " ~ weight * aggregate.prior ~ ") / (" ~ n ~ " + " ~ weight ~ ")") }}
    {% endif %}
    {% set selected = selected_input(plan, aggregate) %}
    {% set n = counted(selected, window) %}
    {% if kind == "count" %} {{ return(n) }}
    {% elif kind == "is_first_seen" %} {{ return("toUInt8(" ~ n ~ " = 0)") }}
    {% elif kind == "seconds_since_last" %}
        {# Where the window holds an event, the latest before t is in it. #}
        {% set latest = "max(if(" ~ selected ~ ", at_ms, 0)) over until" %}
        {{ return("if(" ~ n ~ " = 0, null, (at_ms - " ~ latest ~ ") / 1000)") }}
    {% endif %}
{% endmacro %}


{# Sum, mean and sample standard deviation of the known values of `of`. #}
{% macro number_aggregate(plan, aggregate, window) %}
    {% set kind = aggregate.aggregate %}
    {% set n = counted(selected_input(plan, aggregate, is_number(aggregate.of)), window) %}
    {% set number = number_input(plan, aggregate, aggregate.of) %}
    {% set total = summed(number, window) %}
    {% if kind == "sum" %} {{ return("if(" ~ n ~ " = 0, null, " ~ total ~ ")") }} {% endif %}
    {% if kind == "mean" %} {{ return("if(" ~ n ~ " = 0, null, " ~ total ~ " / " ~ n ~ ")") }} {% endif %}
    {% set wide = "toInt256(" ~ in_window(number, window) ~ ")" %}
    {% set square = "toInt256(" ~ number ~ ") * toInt256(" ~ number ~ ")" %}
    {# (n * sum of squares - square of the sum) / (n * (n - 1)), its numerator exact. #}
    {% set spread %}
        if(
            {{ n }} < 2,
            null,
            sqrt(
                toFloat64(toInt256({{ n }}) * {{ in_window(square, window) }} - {{ wide }} * {{ wide }})
                / {{ n }}
                / ({{ n }} - 1)
            )
            / 1099511627776
        )
    {% endset %}
    {{ return(spread) }}
{% endmacro %}


{#
    A number as a whole count of 2^-40: sums of floating-point numbers differ with their order
    and with where they begin. NULL, NaN and what is beyond 10^20 count as unknown.
#}
{% macro number_input(plan, aggregate, of) %}
    {% set selected = selected_input(plan, aggregate, is_number(of)) %}
    {% set scaled = "if(" ~ selected ~ ", toFloat64(" ~ of ~ ") * 1099511627776, 0)" %}
    {{ return("toInt128(" ~ window_input(plan, "coalesce(" ~ scaled ~ ", 0)") ~ ")") }}
{% endmacro %}


{% macro is_number(of) %} {{ return("abs(toFloat64(" ~ of ~ ")) < 1e20") }} {% endmacro %}


{# Sum of an input over [t - w, t). #}
{% macro in_window(name, window) %}
    {{ return("(sum(" ~ name ~ ") over until - sum(" ~ name ~ ") over before_" ~ window ~ ")") }}
{% endmacro %}


{# The same for inputs of 0 and 1, as a count. #}
{% macro counted(name, window) %} {{ return("toUInt64" ~ in_window(name, window)) }} {% endmacro %}


{# The same for inputs in units of 2^-40, as a number. #}
{% macro summed(name, window) %}
    {{ return("(toFloat64" ~ in_window(name, window) ~ " / 1099511627776)") }}
{% endmacro %}
