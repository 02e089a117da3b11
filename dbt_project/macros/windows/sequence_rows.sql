{# Rows of subjects and their events, one per key. #}
{% macro window_sequences(rows, plan, subject_id, keys, columns) -%}
    select
        groupArrayIf(
            tuple(
                at_ms,
                {{ subject_id }}
                {%- for place in plan.places %}, place_{{ loop.index }} {%- endfor %}
                {%- for column in plan.columns if column.sql %}, {{ column.name }} {%- endfor %}
            ),
            is_subject
        ) as subjects,
        arraySort(
            groupArrayIf(
                tuple(
                    at_ms,
                    tuple({{ columns | join(", ") or 0 }})
                    {%- for field in plan.event_fields %}, {{ field }} {%- endfor %}
                ),
                coalesce(is_event, false)
            )
        ) as events
    from {{ rows }}
    group by {{ keys | join(", ") }}
{%- endmacro %}


{# One row per subject again. #}
{% macro sequence_columns(sequences, plan, subject_id) -%}
    select
        s .1 as at_ms,
        s .2 as {{ subject_id }}
        {%- for column in plan.columns if column.sql %}
            , s.{{ loop.index + plan.places | length + 2 }} as {{ column.name }}
        {%- endfor %}
        {%- for column in plan.columns if not column.sql %}, {{ column.name }} {%- endfor %}
    from
        (
            select
                subjects
                {%- for column in plan.columns if not column.sql %}
                    , {{ column.sequence }} as {{ column.name }}
                {%- endfor %}
            from {{ sequences }}
        )
    array join
        subjects as s {%- for column in plan.columns if not column.sql %}, {{ column.name }} {%- endfor %}
{%- endmacro %}
