{#
    Writes what a call states into the model's config, so that the manifest holds it for whoever
    lists, explains or checks features: `subject_id`, `events`, `entity`, `keys`, `windows`,
    `aggregates`, `is_after`, and as `features` what the call makes of them. Engine and order follow
    from the subjects.

    Of relations no name is known before there is a manifest: of a call that gives them only keys and
    direction are written, and the YAML says the rest.
#}
{% macro state_features(
    subjects, subject_id, events, entity, keys, windows, aggregates, finer=[], is_after=false
) %}
    {% if subjects is string and (events is none or events is string) %}
        {% set stated = {
            "subject_id": subject_id,
            "events": events or subjects,
            "entity": entity,
            "keys": keys,
            "windows": windows,
            "aggregates": aggregates,
            "is_after": is_after,
            "features": stated_features(entity, keys, windows, aggregates, finer, is_after),
        } %}
        {% do config(engine=table_engine(), order_by="(event_at, " ~ subject_id ~ ")", meta=stated) %}
    {% else %}
        {% do config(meta={"keys": keys, "is_after": is_after}) %}
        {% if execute %}
            {% do exceptions.warn(
                model.name
                ~ " gives relations as subjects: name the model, as in subjects='clicks'."
                ~ " Relations are taken until the next minor version."
            ) %}
        {% endif %}
    {% endif %}
{% endmacro %}


{# The relation of a model that a call names. #}
{% macro relation_of(named) %} {{ return(ref(named) if named is string else named) }} {% endmacro %}


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


{#
    The features of a model in the order of its YAML, by name: what the statement says of each, and
    what the YAML alone says. One that is said twice and differently is refused.
#}
{% macro features_of(node) %}
    {% set found = {} %}
    {% set stated = node.config.meta.get("features", {}) %}
    {% for column in node.columns.values() %}
        {% set own = column.config.meta or column.meta %}
        {% set facts = dict(own, **stated.get(column.name, {})) %}
        {% for fact, value in own.items() if facts[fact] != value %}
            {{
                exceptions.raise_compiler_error(
                    node.name
                    ~ "."
                    ~ column.name
                    ~ ": its YAML says "
                    ~ fact
                    ~ " "
                    ~ value
                    ~ ", but the model states "
                    ~ facts[fact]
                    ~ ": leave it out of the YAML"
                )
            }}
        {% endfor %}
        {% if facts.get("entity") %}
            {% do found.update({column.name: dict(facts, data_type=column.data_type)}) %}
        {% endif %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}
