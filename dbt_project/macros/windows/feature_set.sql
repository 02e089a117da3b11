{#
    The point-in-time join: one row per subject, the features of the `feat_` models named, and
    the label as known at this build (a snapshot asks core.labels for the label as of its own
    instant). `labels` names the core model of verdicts. A feature that becomes available after the set's decision time is refused.

    `subjects` is a core model; `features` names `feat_` models; `where` says which subjects.
    Subject, target and decision time are the model's own `meta`.
#}
{% macro feature_set(subjects, features, where="true", with_attack_type=false, labels="labels") %}
    {#- A model's meta is there from its YAML only once everything is parsed. -#}
    {%- set meta = model.config.meta if execute else {} -%}
    {%- set subject = meta.get("subject", "subject") -%}
    {%- set target = meta.get("target", "target") -%}
    {%- set decision_at = meta.get("decision_at", "0d") -%}
    {%- set subject_id = subject ~ "_id" -%}
    {%- set upstreams = [{"from": ref(subjects)}, {"from": ref(labels)}] -%}
    {%- for name in features -%} {%- do upstreams.append({"from": ref(name)}) -%} {%- endfor -%}
    {%- for upstream in upstreams[1:] -%} {%- do upstream.update({"defines_days": 0}) -%} {%- endfor -%}
    {%- set days = days_to_build(upstreams, in_parts=true) -%}
    {%- set columns = feature_columns(features, decision_at) -%}
    with

        subjects as (
            select {{ subject_id }}, event_at, event_date, source
            from {{ ref(subjects) }}
            where {{ in_days(days) }} and {{ in_part_of_days() }} and {{ where }}
        ),

        verdicts as (
            select
                subject_id,
                verdict_source,
                {{ latest_verdict() }} as latest_value,
                minIf(known_at, value = 1) as first_known_at,
                {{ latest_verdict("attack_type") }} as latest_attack_type
            from {{ ref(labels) }}
            where subject = '{{ subject }}' and target = '{{ target }}' and {{ in_days(days) }}
            group by subject_id, verdict_source
        ),

        positives as (
            select
                subject_id,
                min(first_known_at) as known_at,
                argMin(latest_attack_type, first_known_at) as attack
            from verdicts
            where latest_value = 1
            group by subject_id
        )

    select
        subjects.{{ subject_id }} as {{ subject_id }},
        subjects.event_at as event_at,
        subjects.event_date as event_date,
        subjects.source as source,
        toUInt8(positives.known_at is not null) as {{ target }},
        positives.known_at as label_known_at
        {%- if with_attack_type %}, positives.attack as attack_type {%- endif %}
        {%- for name in features %}
            {%- for column in columns.get(name, []) %}, {{ name }}.{{ column }} as {{ column }} {%- endfor %}
        {%- endfor %}
    from subjects
    left join positives on positives.subject_id = subjects.{{ subject_id }}
    {%- for name in features %}
        left join
            (
                select * from {{ ref(name) }} where {{ in_days(days) }} and {{ in_part_of_days() }}
            ) as {{ name }}
            on {{ name }}.{{ subject_id }} = subjects.{{ subject_id }}
    {%- endfor %}
{% endmacro %}


{# Feature columns of each model by name; refuses those that know too much. #}
{% macro feature_columns(features, decision_at) %}
    {% set found = {} %}
    {% if execute %}
        {% for node in graph.nodes.values() if node.resource_type == 'model' and node.name in features %}
            {% set features = features_of(node) %}
            {% for name, facts in features.items() %}
                {% set after = facts.get("available_after", "0d") %}
                {% if delay_milliseconds(after) > delay_milliseconds(decision_at) %}
                    {{
                        exceptions.raise_compiler_error(
                            this.name
                            ~ " decides "
                            ~ decision_at
                            ~ " after the event, but "
                            ~ node.name
                            ~ "."
                            ~ name
                            ~ " is available "
                            ~ after
                            ~ " after it: leave it out, or set a later decision_at"
                        )
                    }}
                {% endif %}
            {% endfor %}
            {% do found.update({node.name: features | list}) %}
        {% endfor %}
    {% endif %}
    {{ return(found) }}
{% endmacro %}


{% macro delay_milliseconds(duration) %}
    {% set text = duration | string %}
    {% if text[:-1] in ("", "0") or text == "0" %} {{ return(0) }}{% endif %}
    {{ return(milliseconds(text)) }}
{% endmacro %}
