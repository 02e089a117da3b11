{#
    For each subject the latest state of its key that was there at its time: state.event_at is
    the moment from which a state may be seen, and a subject at that very instant sees it. Without
    one, the states' columns are NULL. A subject with a NULL key gets no row.

    subjects     relation or query with `event_at`, the keys and `subject_columns`
    states       relation or query with `event_at`, the keys and `columns`
    keys         columns that make the entity
    columns      what to take over from the state
    is_unique    whether a key has one state at an instant. Otherwise the greatest stands: an
                 ASOF join would take any of them.
#}
{% macro as_of_join(subjects, states, keys, columns, subject_columns, is_unique=false) -%}
    {%- set key_list = keys | join(", ") -%}
    select
        {% for column in subject_columns %} subjects.{{ column }} as {{ column }}, {% endfor %}
        {%- for column in columns %}
            states.{{ column }} as {{ column }} {{- "," if not loop.last }}
        {%- endfor %}
    from
        (
            select event_at, {{ (keys + subject_columns) | unique | reject("eq", "event_at") | join(", ") }}
            from {{ subjects }}
            where {{ known_keys(keys) }}
        ) as subjects
    asof left join
        (
            {%- if is_unique %}
                select {{ key_list }}, event_at, {{ columns | join(", ") }}
                from {{ states }}
                where {{ known_keys(keys) }}
            {%- else %}
                select
                    {{ key_list }},
                    event_at
                    {%- for column in columns %}, latest.{{ loop.index }} as {{ column }}
                    {%- endfor %}
                from
                    (
                        select {{ key_list }}, event_at, max(tuple({{ columns | join(", ") }})) as latest
                        from {{ states }}
                        where {{ known_keys(keys) }}
                        group by {{ key_list }}, event_at
                    )
            {%- endif %}
        ) as states
        on {% for key in keys -%} subjects.{{ key }} = states.{{ key }} and {% endfor -%}
        subjects.event_at >= states.event_at
{%- endmacro %}
