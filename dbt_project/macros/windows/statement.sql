{#
    Writes what a call states into the model's config, so that the manifest holds it for whoever
    lists, explains or checks features: `subject_id`, `events`, `entity`, `keys`, `windows`,
    `aggregates`, `is_after`, and as `features` what the call makes of them. Engine and order follow
    from the subjects.

    A call may still give relations, which have no name before there is a manifest: of such a model
    events and subjects are not written, its own config says engine and order, and where its YAML says
    more than the statement, or otherwise, that counts.
#}
{% macro state_features(
    subjects, subject_id, events, entity, keys, windows, aggregates, finer=[], is_after=false
) %}
    {% set stated = {
        "entity": entity,
        "keys": keys,
        "windows": windows,
        "aggregates": aggregates,
        "is_after": is_after,
        "features": stated_features(entity, keys, windows, aggregates, finer, is_after),
    } %}
    {% if subjects is string and (events is none or events is string) %}
        {% do stated.update({"subject_id": subject_id, "events": events or subjects}) %}
        {% do config(engine=table_engine(), order_by="(event_at, " ~ subject_id ~ ")", meta=stated) %}
    {% else %}
        {% do config(meta=stated) %}
        {% if execute %}
            {% do exceptions.warn(
                model.name
                ~ " gives relations as subjects or events: name the models, as in subjects='clicks'."
                ~ " Relations are taken until the next minor version."
            ) %}
        {% endif %}
    {% endif %}
{% endmacro %}


{# The relation of a model that a call names. #}
{% macro relation_of(named) %} {{ return(ref(named) if named is string else named) }} {% endmacro %}


{#
    The features of a model in the order of its YAML, by name: what the statement says of each, and
    what the YAML alone says. One that is said twice and differently is refused.
#}
{% macro features_of(node) %}
    {% set found = {} %}
    {% for column in node.columns.values() %}
        {% set stated = node.config.meta.get("features", {}).get(column.name, {}) %}
        {% set facts = dict(stated, **(column.config.meta or column.meta)) %}
        {% for fact, value in stated.items() if node.config.meta.get("events") and facts[fact] != value %}
            {{
                exceptions.raise_compiler_error(
                    node.name
                    ~ "."
                    ~ column.name
                    ~ ": its YAML says "
                    ~ fact
                    ~ " "
                    ~ facts[fact]
                    ~ ", but the model states "
                    ~ value
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
