{#
    Every feature of a call by name: entity, keys, window, aggregate, data_type and, where it looks
    at what came after the subject, available_after. The window of a ratio is the longer of its two.
#}
{% macro stated_features(entity, keys, windows, aggregates, finer=[], is_after=false) %}
    {% set found, ratios = {}, [] %}
    {% for part in [{"entity": entity, "keys": [], "aggregates": aggregates}] + finer %}
        {% for aggregate in part.aggregates %}
            {% set facts = {"entity": part.entity, "keys": keys + part["keys"]} %}
            {% if aggregate.get("ratio") %} {% do ratios.append([aggregate, facts]) %}
            {% else %}
                {% for window in aggregate.get("windows", windows) %}
                    {% set name = window_column(part.entity, aggregate, window) %}
                    {% set type = feature_type(aggregate, part["keys"]) %}
                    {% do state_feature(found, name, aggregate.aggregate, window, type, facts, is_after) %}
                {% endfor %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {% for aggregate, facts in ratios %}
        {% set lengths = [] %}
        {% for name in ratio_of(facts.entity, aggregate) %}
            {% if "Float" not in found.get(name, {}).data_type | string and "Int" not in found.get(
                name, {}
            ).data_type | string %}
                {{
                    exceptions.raise_compiler_error(
                        "ratio " ~ aggregate.measure ~ " of " ~ name ~ ": expected a number among " ~ found
                        | join(", ")
                    )
                }}
            {% endif %}
            {% do lengths.append(found[name].window) %}
        {% endfor %}
        {% set window = lengths[0 if milliseconds(lengths[0]) > milliseconds(lengths[1]) else 1] %}
        {% set name = window_column(facts.entity, aggregate, window) %}
        {% do state_feature(found, name, "ratio", window, "Nullable(Float64)", facts, is_after) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{% macro state_feature(found, name, aggregate, window, data_type, facts, is_after) %}
    {% if name in found %}
        {{ exceptions.raise_compiler_error("two features of one call are named " ~ name) }}
    {% endif %}
    {% if is_after and aggregate == "seconds_since_last" %}
        {% set aggregate = "seconds_to_next" %}
    {% endif %}
    {% set feature = dict(facts, window=window, aggregate=aggregate, data_type=data_type) %}
    {% if is_after %} {% do feature.update({"available_after": window}) %} {% endif %}
    {% do found.update({name: feature}) %}
{% endmacro %}


{# A feature's type; of a finer entity's NULL where the further keys are unknown. #}
{% macro feature_type(aggregate, is_finer) %}
    {% set kind = aggregate.aggregate %}
    {% set known = {
        "count": "UInt64",
        "count_distinct": "UInt64",
        "is_first_seen": "UInt8",
        "smoothed_rate": "Float64",
    } %}
    {% if kind in known and not is_finer %} {{ return(known[kind]) }} {% endif %}
    {% if kind == "last_k_seconds" %}
        {{ return("Array(" ~ aggregate.get("type", "Float64") ~ ")") }}
    {% endif %}
    {% set texts = ["first", "last", "mode", "last_k"] %}
    {% set type = known.get(kind, "String" if kind in texts else "Float64") %}
    {% if kind in texts + ["min", "max"] %} {% set type = aggregate.get("type", type) %} {% endif %}
    {% set type = "Nullable(" ~ type ~ ")" %}
    {{ return("Array(" ~ type ~ ")" if kind == "last_k" else type) }}
{% endmacro %}


{# The two columns of a ratio: features of the same entity, or with an entity in front, of another. #}
{% macro ratio_of(entity, aggregate) %}
    {% set names = [] %}
    {% for name in aggregate.ratio %}
        {% do names.append(name if "__" in name else entity ~ "__" ~ name) %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}
