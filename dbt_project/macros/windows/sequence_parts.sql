{#
    The most frequent value (of equally frequent ones the least) and its share: from the counts
    of the values in the window, which stand in the order of the values.
#}
{% macro mode_sequence(kind, begin, n, items) %}
    {% set each = "arrayMap(x -> [x], " ~ items ~ "), arrayMap(x -> [1], " ~ items ~ ")" %}
    {% set counts = reduced("sumMap", begin, n, each) %}
    {% set mode = "m.1[indexOf(m.2, arrayMax(m.2))]" %}
    {% set share = "arrayMax(m.2) / arraySum(m.2)" %}
    {{
        return(
            "arrayMap(m -> if(empty(m.1), null, "
            ~ (mode if kind == "mode" else share)
            ~ "), "
            ~ counts
            ~ ")"
        )
    }}
{% endmacro %}


{# Mean, and sample standard deviation over mean, of the gaps between the window's events. #}
{% macro gap_sequence(kind, skipped, n, times) %}
    {% set gaps = "arrayDifference(" ~ times ~ ")" %}
    {% set begin = skipped ~ " + 2" %}
    {% set size = "if(" ~ n ~ " > 0, " ~ n ~ " - 1, 0)" %}
    {% if kind == "gap_mean" %}
        {{ return("arrayMap(x -> x / 1000, " ~ reduced("avgOrNull", begin, size, gaps) ~ ")") }}
    {% endif %}
    {% set squares = "arrayMap(g -> toInt256(g) * g, " ~ gaps ~ ")" %}
    {% set sequence %}
        arrayMap(
            (s, total, square) -> if(
                {{ n }} < 3 or total = 0,
                null,
                sqrt(
                    toFloat64(({{ n }} - 1) * square - toInt256(total) * total)
                    / ({{ n }} - 1)
                    / ({{ n }} - 2)
                )
                / (total / ({{ n }} - 1))
            ),
            subjects,
            {{ reduced("sum", begin, size, gaps) }},
            {{ reduced("sum", begin, size, squares) }}
        )
    {% endset %}
    {{ return(sequence) }}
{% endmacro %}


{# Values of the last K events, the latest last; a NULL value keeps its place. #}
{% macro last_k(aggregate, seen, n, items) %}
    {% set size = "least(" ~ n ~ ", " ~ aggregate.k ~ ")" %}
    {# groupArray leaves out NULLs, but not tuples that hold one. #}
    {% set tuples = "arrayMap(x -> tuple(x), " ~ items ~ ")" %}
    {% set latest = reduced("groupArray", seen ~ " - " ~ size ~ " + 1", size, tuples) %}
    {{ return("arrayMap(k -> arrayMap(x -> x.1, k), " ~ latest ~ ")") }}
{% endmacro %}


{# Seconds from each of the last K events to the subject, the latest last. #}
{% macro last_k_seconds(aggregate, seen, n, times) %}
    {% set size = "least(" ~ n ~ ", " ~ aggregate.k ~ ")" %}
    {% set latest = reduced("groupArray", seen ~ " - " ~ size ~ " + 1", size, times) %}
    {% set seconds = "cast((s.1 - x) / 1000, '" ~ aggregate.get("type", "Float64") ~ "')" %}
    {{ return("arrayMap((s, k) -> arrayMap(x -> " ~ seconds ~ ", k), subjects, " ~ latest ~ ")") }}
{% endmacro %}
