{#
    Aggregates over the key's events as arrays, in order of time; events of one instant stand in
    the order of the call's `columns`, so that the order of loading does not matter. A window
    is a stretch of the array: from the number of events before t - w to the number before t, which
    the growing frames give. In the SQL, `s` is a subject and `e` an event: tuples whose first
    element is the time.
#}
{% macro sequence_aggregate(plan, aggregate, window) %}
    {% set kind = aggregate.aggregate %}
    {% set timed = ["gap_mean", "gap_variation", "seconds_since_last", "last_k_seconds"] %}
    {% set value = none if kind in timed else sequence_value(plan, aggregate) %}
    {% set known = none if kind in timed + ["last_k"] else value ~ " is not null" %}
    {% set selected = selected_input(plan, aggregate, known) %}
    {% set chosen = "arrayFilter(e -> " ~ event_field(plan, selected) ~ ", events)" %}
    {% set times = "arrayMap(e -> e.1, " ~ chosen ~ ")" %}
    {% set skipped = place_of(plan, selected, "before_" ~ window) %}
    {% set seen = place_of(plan, selected, "until") %}
    {% set n = "(" ~ seen ~ " - " ~ skipped ~ ")" %}
    {% if kind in ("gap_mean", "gap_variation") %} {{ return(gap_sequence(kind, skipped, n, times)) }}
    {% elif kind == "seconds_since_last" %}
        {% set nth = aggregate.get("n", 1) %}
        {% set then = reduced("anyOrNull", seen ~ " - " ~ (nth - 1), n ~ " >= " ~ nth, times) %}
        {{ return("arrayMap((s, x) -> (s.1 - x) / 1000, subjects, " ~ then ~ ")") }}
    {% elif kind == "last_k_seconds" %} {{ return(last_k_seconds(aggregate, seen, n, times)) }}
    {% endif %}
    {% set items = "arrayMap(e -> " ~ event_field(plan, value) ~ ", " ~ chosen ~ ")" %}
    {% if kind == "last_k" %} {{ return(last_k(aggregate, seen, n, items)) }} {% endif %}
    {% set items = "arrayMap(e -> assumeNotNull(" ~ event_field(plan, value) ~ "), " ~ chosen ~ ")" %}
    {% set begin = skipped ~ " + 1" %}
    {% if kind in ("min", "max") %} {{ return(reduced(kind ~ "OrNull", begin, n, items)) }}
    {% elif kind == "first" %} {{ return(reduced("anyOrNull", begin, n ~ " > 0", items)) }}
    {% elif kind == "last" %} {{ return(reduced("anyOrNull", seen, n ~ " > 0", items)) }}
    {% elif kind == "quantile" %}
        {% set quantile = "quantileDeterministicOrNull(" ~ aggregate.level ~ ")" %}
        {{ return(reduced(quantile, begin, n, items ~ ", arrayMap(t -> toUInt64(t), " ~ times ~ ")")) }}
    {% endif %}
    {{ return(mode_sequence(kind, begin, n, items)) }}
{% endmacro %}


{#
    For every subject, the aggregate function over `size` elements from place `begin` on (from 1).
    ClickHouse aggregates blocks of 64 and of their doubles once, and puts each stretch together
    from them.
#}
{% macro reduced(function, begin, size, arrays) %}
    {% set stretch = "if(" ~ size ~ " != 0, (toUInt64(" ~ begin ~ "), toUInt64(" ~ size ~ ")), (1, 0))" %}
    {{
        return(
            "arrayReduceInRanges('"
            ~ function
            ~ "', arrayMap(s -> "
            ~ stretch
            ~ ", subjects), "
            ~ arrays
            ~ ")"
        )
    }}
{% endmacro %}


{# What an event carries into the arrays. #}
{% macro event_field(plan, name) %}
    {% if name not in plan.event_fields %} {% do plan.event_fields.append(name) %} {% endif %}
    {{ return("e." ~ (plan.event_fields.index(name) + 3)) }}
{% endmacro %}


{# How many of the selected events are in a frame, as a subject carries it. #}
{% macro place_of(plan, selected, frame) %}
    {% set place = "toUInt64(sum(" ~ selected ~ ") over " ~ frame ~ ")" %}
    {% if place not in plan.places %} {% do plan.places.append(place) %} {% endif %}
    {{ return("s." ~ (plan.places.index(place) + 3)) }}
{% endmacro %}


{# Input with the value of `of`, of its stated type, NULL where the event is not read. #}
{% macro sequence_value(plan, aggregate) %}
    {% set numeric = aggregate.aggregate in ("min", "max", "quantile") %}
    {% set type = aggregate.get("type", "Float64" if numeric else "String") %}
    {% set of = aggregate.of %}
    {% if type == "Float64" %}
        {% set of = "if(" ~ is_number(of) ~ ", toFloat64(" ~ of ~ "), null)" %}
    {% endif %}
    {% set chosen = "if(" ~ selected_input(plan, aggregate) ~ ", " ~ of ~ ", null)" %}
    {{ return(window_input(plan, "cast(" ~ chosen ~ ", 'Nullable(" ~ type ~ ")')")) }}
{% endmacro %}
