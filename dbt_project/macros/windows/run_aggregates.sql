{#
    Distinct values in a window, without looking at each window. The times of a value within a
    key are cut into runs wherever they are more than w apart. In [t - w, t) the value is present
    while a run of it has begun before t and its last event is not before t - w; so

        distinct(t) = runs that began before t - runs that ended before t - w

    and both are sums over frames that only grow. Entropy is the sum, over values, of a function F
    of the value's count, and works in the same way: an event that comes moves its value's count
    from c to c + 1, one that leaves after w moves it back, and the sum changes by the difference
    of F. F(c) = c * log2(c) is taken as a whole count of 2^-32, so that the differences cancel
    exactly.
#}
{% macro runs_aggregate(plan, aggregate, window) %}
    {% set kind = aggregate.aggregate %}
    {% set value = value_of(plan, aggregate) %}
    {% set wanted = plan["values"][value] %}
    {% set n = counted(selected_input(plan, aggregate, "(" ~ aggregate.of ~ ") is not null"), window) %}
    {% if kind == "entropy" %}
        {% if window not in wanted.entropies %} {% do wanted.entropies.append(window) %} {% endif %}
        {% set surprise = run_balance("gain_" ~ value, "loss_" ~ value, window) %}
        {% set entropy = "log2(" ~ n ~ ") - " ~ surprise ~ " / 4294967296 / " ~ n %}
        {{ return("if(" ~ n ~ " = 0, null, greatest(" ~ entropy ~ ", 0))") }}
    {% endif %}
    {% if window not in wanted.runs %} {% do wanted.runs.append(window) %} {% endif %}
    {% set distinct = "toUInt64" ~ run_balance("begins_" ~ value, "ends_" ~ value, window) %}
    {% if kind == "count_distinct" %} {{ return(distinct) }} {% endif %}
    {{ return("if(" ~ n ~ " = 0, null, " ~ distinct ~ " / " ~ n ~ ")") }}
{% endmacro %}


{% macro run_balance(opens, closes, window) %}
    {{
        return(
            "(sum("
            ~ opens
            ~ "_"
            ~ window
            ~ ") over until - sum("
            ~ closes
            ~ "_"
            ~ window
            ~ ") over before_"
            ~ window
            ~ ")"
        )
    }}
{% endmacro %}


{#
    Input with a number for the key and the value together; for rows that are not read one for the
    key alone, where they disturb no value.
#}
{% macro value_of(plan, aggregate) %}
    {% set known = selected_input(plan, aggregate, "(" ~ aggregate.of ~ ") is not null") %}
    {% set pair = "assumeNotNull(cityHash64(window_key, " ~ aggregate.of ~ "))" %}
    {% set value = window_input(plan, "if(" ~ known ~ ", " ~ pair ~ ", window_key)") %}
    {% if value not in plan["values"] %}
        {% do plan["values"].update({value: {"runs": [], "entropies": [], "known": known}}) %}
    {% endif %}
    {{ return(value) }}
{% endmacro %}
