{# Rows of the part being built, by a hash that is the same for all rows of a key. #}
{% macro in_part_of_keys(hash) -%}
    {%- if model.get("chunk") and model.chunk.parts > 1 -%}
        {{ hash }} % {{ model.chunk.parts }} = {{ model.part }}
    {%- else -%} true
    {%- endif -%}
{%- endmacro %}


{#
    Rows of the part being built, by time: one stretch of the chunk's days that holds about its
    share of their rows. Tables are ordered by time, so that a part reads its stretch and nothing
    else.
#}
{% macro in_part_of_days(column="event_at") -%}
    {%- if model.get("chunk") and model.chunk.parts > 1 -%}
        {#- The first stretch has no beginning and the last no end: every row is in one. #}
        {%- set bounds = [] -%}
        {%- if model.part > 0 -%}
            {%- do bounds.append(column ~ " >= " ~ part_begins(model.chunk, model.part)) -%}
        {%- endif -%}
        {%- if model.part + 1 < model.chunk.parts -%}
            {%- do bounds.append(column ~ " < " ~ part_begins(model.chunk, model.part + 1)) -%}
        {%- endif -%}
        ({{ bounds | join(" and ") }})
    {%- else -%} true
    {%- endif -%}
{%- endmacro %}


{# When a part of the chunk begins, as though the rows of a day came evenly. #}
{% macro part_begins(chunk, part) %}
    {% set rows_before = chunk.rows_of_days.values() | sum * part / chunk.parts %}
    {% set at = namespace(rows=rows_before, day=chunk.days[0], share=none) %}
    {% for day, rows in chunk.rows_of_days.items() %}
        {% if at.share is none and rows and at.rows <= rows %}
            {% set at.day = day %} {% set at.share = at.rows / rows %}
        {% endif %}
        {% set at.rows = at.rows - rows %}
    {% endfor %}
    {{
        return(
            "toDateTime64('" ~ at.day ~ "', 3, 'UTC') + toIntervalSecond(" ~ (86400 * (at.share or 0))
            | int ~ ")"
        )
    }}
{% endmacro %}
