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
        {% set positives = summed(plan, aggregate, of, window) %}
        {% set n = summed(plan, aggregate, aggregate.over, window) %}
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
    {% set kind, of = aggregate.aggregate, aggregate.of %}
    {% set n = counted(selected_input(plan, aggregate, is_counted_number(aggregate, of)), window) %}
    {% set total = summed(plan, aggregate, of, window) %}
    {% if kind == "sum" %} {{ return("if(" ~ n ~ " = 0, null, " ~ total ~ ")") }} {% endif %}
    {% if kind == "mean" %} {{ return("if(" ~ n ~ " = 0, null, " ~ total ~ " / " ~ n ~ ")") }} {% endif %}
    {% set number = number_input(plan, aggregate, of) %}
    {% set wide = "toInt128" if aggregate.whole else "toInt256" %}
    {% set sum_of = wide ~ "(" ~ in_window(number, window) ~ ")" %}
    {% set square = wide ~ "(" ~ number ~ ") * " ~ wide ~ "(" ~ number ~ ")" %}
    {# (n * sum of squares - square of the sum) / (n * (n - 1)), its numerator exact. #}
    {% set spread %}
        if(
            {{ n }} < 2,
            null,
            sqrt(
                toFloat64({{ wide }}({{ n }}) * {{ in_window(square, window) }} - {{ sum_of }} * {{ sum_of }})
                / {{ n }}
                / ({{ n }} - 1)
            )
            / {{ units_of(aggregate) }}
        )
    {% endset %}
    {{ return(spread) }}
{% endmacro %}


{#
    A number as a whole count of 2^-40: sums of floating-point numbers differ with their order
    and with where they begin. NULL, NaN and what is beyond 10^20 count as unknown. Where the
    aggregate says that its numbers are `whole`, they are taken as they are, and narrower; one that
    is not whole, or beyond 2^31, ends the query.
#}
{% macro number_input(plan, aggregate, of) %}
    {% set selected = selected_input(plan, aggregate, is_counted_number(aggregate, of)) %}
    {% if aggregate.whole %}
        {{ return(window_input(plan, "accurateCast(if(" ~ selected ~ ", " ~ of ~ ", 0), 'Int32')")) }}
    {% endif %}
    {% set scaled = "if(" ~ selected ~ ", toFloat64(" ~ of ~ ") * " ~ units_of(aggregate) ~ ", 0)" %}
    {{ return("toInt128(" ~ window_input(plan, "coalesce(" ~ scaled ~ ", 0)") ~ ")") }}
{% endmacro %}


{% macro is_counted_number(aggregate, of) %}
    {{ return("(" ~ of ~ ") is not null" if aggregate.whole else is_number(of)) }}
{% endmacro %}


{% macro is_number(of) %} {{ return("abs(toFloat64(" ~ of ~ ")) < 1e20") }} {% endmacro %}


{% macro units_of(aggregate) %} {{ return(1 if aggregate.whole else 1099511627776) }} {% endmacro %}


{# Sum of an input over [t - w, t). #}
{% macro in_window(name, window) %}
    {{ return("(sum(" ~ name ~ ") over until - sum(" ~ name ~ ") over before_" ~ window ~ ")") }}
{% endmacro %}


{# The same for inputs of 0 and 1, as a count. #}
{% macro counted(name, window) %} {{ return("toUInt64" ~ in_window(name, window)) }} {% endmacro %}


{# Sum of the known values of `of` over [t - w, t), as a number. #}
{% macro summed(plan, aggregate, of, window) %}
    {% set total = in_window(number_input(plan, aggregate, of), window) %}
    {{ return("(toFloat64" ~ total ~ " / " ~ units_of(aggregate) ~ ")") }}
{% endmacro %}
