{#
    Subjects and events as one table: <subject_id>, at_ms, the keys, the events' columns,
    is_subject (a row to return) and is_event (a row to count). With events of their own, the
    columns of a subject are NULL, but for those `of_subjects`.
#}
{% macro window_rows(
    subjects, subject_id, keys, columns, events, days, lookback, events_where, of_subjects=[]
) -%}
    {%- set columns = columns | reject("in", keys) | list -%}
    {%- set at_ms = "toUnixTimestamp64Milli(toDateTime64(event_at, 3, 'UTC')) as at_ms" -%}
    select
        {{ subject_id }},
        {{ at_ms }},
        {{ keys | join(", ") }},
        {%- for column in columns %}
            {{ column if events is none or column in of_subjects else "null as " ~ column }},
        {%- endfor %}
        {{ in_days(days) }} as is_subject,
        {{ events_where if events is none else "false" }} as is_event
        {{ part_of_key(key_hash(keys)) }}
    from {{ subjects }}
    where {{ in_days_with_lookback(days, lookback if events is none else 0) }} and {{ known_keys(keys) }}
    {%- if events is not none %}
        union all
        select
            toUUID('00000000-0000-0000-0000-000000000000') as {{ subject_id }},
            {{ at_ms }},
            {{ keys | join(", ") }},
            {%- for column in columns %} {{ column }}, {%- endfor %}
            false as is_subject,
            true as is_event
            {{ part_of_key(key_hash(keys)) }}
        from {{ events }}
        where {{ in_days_with_lookback(days, lookback) }} and {{ known_keys(keys) }} and {{ events_where }}
    {%- endif %}
{%- endmacro %}


{% macro known_keys(keys) -%}
    {%- for key in keys -%} {{ key }} is not null{{ ' and ' if not loop.last }} {%- endfor -%}
{%- endmacro %}


{#
    The key as one number: rows are sorted by it once for every value counted, and texts that may
    be NULL cost four times what a number does. Two keys of a hundred million share a number in one
    of four thousand tables.
#}
{% macro key_hash(keys) -%} assumeNotNull(cityHash64({{ keys | join(", ") }})) {%- endmacro %}
