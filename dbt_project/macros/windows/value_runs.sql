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


{# Input that holds the value of the events an aggregate reads, NULL for other rows. #}
{% macro value_of(plan, aggregate) %}
    {% set selected = selected_input(plan, aggregate) %}
    {% set value = window_input(plan, "if(" ~ selected ~ ", " ~ aggregate.of ~ ", null)") %}
    {% if value not in plan["values"] %}
        {% do plan["values"].update({value: {"runs": [], "entropies": []}}) %}
    {% endif %}
    {{ return(value) }}
{% endmacro %}


{# Rows with the beginnings and ends of the runs of one value, for each window asked for. #}
{% macro value_runs(rows, keys, value, wanted) -%}
    select
        *
        {%- for window in wanted.runs %}
            ,
            {#- More than w after the one before it; more than w before the one after it. #}
            toUInt8(
                {{ value }} is not null
                and at_ms - lagInFrame(at_ms, 1, -1000000000000000) over neighbours
                > {{ milliseconds(window) }}
            ) as begins_{{ value }}_{{ window }},
            toUInt8(
                {{ value }} is not null
                and leadInFrame(at_ms, 1, 1000000000000000) over neighbours - at_ms
                > {{ milliseconds(window) }}
            ) as ends_{{ value }}_{{ window }}
        {%- endfor %}
        {%- for window in wanted.entropies %}
            ,
            {#- Of the value's events: those before this one that have not left when it comes. #}
            count() over earlier - count() over before_{{ window }} as present_{{ value }}_{{ window }},
            {#- And those that have come when it leaves, itself the first of them. #}
            count() over until_{{ window }}_later - count() over earlier as staying_{{ value }}_{{ window }},
            if(
                {{ value }} is null,
                0,
                {{ surprise("present_" ~ value ~ "_" ~ window ~ " + 1") }}
                - {{ surprise("present_" ~ value ~ "_" ~ window) }}
            ) as gain_{{ value }}_{{ window }},
            if(
                {{ value }} is null,
                0,
                {{ surprise("staying_" ~ value ~ "_" ~ window) }}
                - {{ surprise("staying_" ~ value ~ "_" ~ window ~ " - 1") }}
            ) as loss_{{ value }}_{{ window }}
        {%- endfor %}
    from {{ rows }}
    window
        neighbours as (
            partition by {{ keys | join(", ") }}, {{ value }}
            order by at_ms
            rows between 1 preceding and 1 following
        )
        {%- if wanted.entropies %}
            ,
            earlier as (
                partition by {{ keys | join(", ") }}, {{ value }}
                order by at_ms
                rows between unbounded preceding and 1 preceding
            )
        {%- endif %}
        {%- for window in wanted.entropies %}
            ,
            before_{{ window }} as (
                partition by {{ keys | join(", ") }}, {{ value }}
                order by {{ frame_clock(window) }}
                range between unbounded preceding and {{ frame_offset(window) }} preceding
            ),
            until_{{ window }}_later as (
                partition by {{ keys | join(", ") }}, {{ value }}
                order by {{ frame_clock(window) }}
                range between unbounded preceding and {{ frame_reach(window) }} following
            )
        {%- endfor %}
{%- endmacro %}


{# F(c) = c * log2(c), in units of 2^-32. #}
{% macro surprise(count) -%}
    toInt64(round(({{ count }}) * log2(greatest({{ count }}, 1)) * 4294967296))
{%- endmacro %}
