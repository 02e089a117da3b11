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
        {% set of_window = value ~ "_" ~ window %}
        {% set surprise = run_balance("gain_" ~ of_window, "loss_" ~ of_window, window) %}
        {% set entropy = "log2(" ~ n ~ ") - " ~ surprise ~ " / 4294967296 / " ~ n %}
        {{ return("if(" ~ n ~ " = 0, null, greatest(" ~ entropy ~ ", 0))") }}
    {% endif %}
    {% if window not in wanted.runs %} {% do wanted.runs.update({window: next_marks(plan)}) %} {% endif %}
    {% set marks = wanted.runs[window] %}
    {% set distinct = "toUInt64" ~ run_balance(is_marked(marks.begins), is_marked(marks.ends), window) %}
    {% if kind == "count_distinct" %} {{ return(distinct) }} {% endif %}
    {{ return("if(" ~ n ~ " = 0, null, " ~ distinct ~ " / " ~ n ~ ")") }}
{% endmacro %}


{% macro run_balance(opens, closes, window) %}
    {{ return("(sum(" ~ opens ~ ") over until - sum(" ~ closes ~ ") over before_" ~ window ~ ")") }}
{% endmacro %}


{#
    Where a row's two marks are: that it begins a run, that it ends one. Marks are bits of
    as few columns as hold them, for what a sort costs grows with the columns it carries.
#}
{% macro next_marks(plan) %}
    {% set bit = plan.marks.bits %}
    {% do plan.marks.update({"bits": bit + 2}) %}
    {% set column = "run_marks_" ~ (bit // 64) %}
    {{
        return(
            {"begins": {"column": column, "bit": bit % 64}, "ends": {"column": column, "bit": bit % 64 + 1}}
        )
    }}
{% endmacro %}


{% macro is_marked(mark) %} {{ return("bitTest(" ~ mark.column ~ ", " ~ mark.bit ~ ")") }} {% endmacro %}


{# Columns of marks and their types: the narrowest that has the bits. #}
{% macro mark_columns(plan) %}
    {% set columns = {} %}
    {% for first in range(0, plan.marks.bits, 64) %}
        {% set bits = [plan.marks.bits - first, 64] | min %}
        {% set widths = [8, 16, 32, 64] | select("ge", bits) | list %}
        {% do columns.update({"run_marks_" ~ loop.index0: "toUInt" ~ widths[0]}) %}
    {% endfor %}
    {{ return(columns) }}
{% endmacro %}


{#
    Input with a number for the key and the value together; for rows that are not read one for the
    key alone, where they disturb no value.
#}
{% macro value_of(plan, aggregate) %}
    {% set known = selected_input(plan, aggregate, "(" ~ aggregate.of ~ ") is not null") %}
    {{ return(planned_value(plan, known, aggregate.of)) }}
{% endmacro %}


{% macro planned_value(plan, known, of) %}
    {% set pair = "assumeNotNull(cityHash64(window_key, " ~ of ~ "))" %}
    {% set value = window_input(plan, "if(" ~ known ~ ", " ~ pair ~ ", window_key)") %}
    {% if value not in plan["values"] %}
        {% do plan["values"].update({value: {"runs": {}, "entropies": [], "finer": [], "known": known}}) %}
    {% endif %}
    {{ return(value) }}
{% endmacro %}
