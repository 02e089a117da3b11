{# The methods of each aggregate, the usual one first; `method` of an aggregate names another. #}
{% macro window_methods() %}
    {% set methods = {} %}
    {% for kind in [
        "count",
        "sum",
        "mean",
        "standard_deviation",
        "share",
        "smoothed_rate",
        "is_first_seen",
    ] %}
        {% do methods.update({kind: ["sums"]}) %}
    {% endfor %}
    {% for kind in ["quantile", "first", "last", "mode", "mode_share", "gap_mean", "gap_variation"] %}
        {% do methods.update({kind: ["sequences"]}) %}
    {% endfor %}
    {% do methods.update(
        {
            "count_distinct": ["runs", "frames"],
            "distinct_ratio": ["runs"],
            "entropy": ["runs"],
            "min": ["sequences", "frames"],
            "max": ["sequences", "frames"],
            "seconds_since_last": ["sums", "sequences"],
            "last_k": ["sequences"],
            "last_k_seconds": ["sequences"],
        }
    ) %}
    {{ return(methods) }}
{% endmacro %}


{#
    A moving frame wins where it is short; where another window of the same value is long, the
    runs of the value are there anyway.
#}
{% macro window_method(aggregate, window, aggregates) %}
    {% set kind = aggregate.aggregate %}
    {% set methods = window_methods() %}
    {% if kind not in methods %}
        {{
            exceptions.raise_compiler_error(
                "aggregate '" ~ kind ~ "' of " ~ aggregate.measure ~ ": expected one of " ~ methods
                | sort
                | join(", ")
            )
        }}
    {% endif %}
    {% set method = aggregate.get("method", methods[kind][0]) %}
    {% if method not in methods[kind] %}
        {{
            exceptions.raise_compiler_error(
                "method '" ~ method ~ "' of " ~ aggregate.measure ~ ": " ~ kind ~ " takes " ~ methods[kind]
                | join(", ")
            )
        }}
    {% endif %}
    {% if kind == "seconds_since_last" and aggregate.get("n", 1) > 1 %} {{ return("sequences") }} {% endif %}
    {% set is_short = milliseconds(window) <= 60000 and aggregate.get("windows", [])[1:] == [] %}
    {% if "frames" in methods[kind] and is_short and "method" not in aggregate %}
        {{ return("frames") }}
    {% endif %}
    {{ return(method) }}
{% endmacro %}
