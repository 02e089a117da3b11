{#
    What came after each subject, by the aggregates of `window_features`: a window of length w holds
    the key's events with time in `(t, t + w]`. Such a feature is there only w later, which its
    statement says as `available_after`, and a feature set that decides earlier refuses it.

    Time runs backwards in it: times are mirrored, the windows counted, and mirrored again. So
    `seconds_since_last` is the time to the next event. Subjects are the events.
#}
{% macro after_features(subjects, subject_id, entity, keys, windows, aggregates, columns=[]) %}
    {%- do state_features(subjects, subject_id, none, entity, keys, windows, aggregates, is_after=true) -%}
    {%- set subjects = relation_of(subjects) -%}
    {%- set reach = days_reached(windows) -%}
    {%- set upstreams = [{"from": subjects}] -%}
    {#- A day is made of those after it: to the ledger they are inputs of the day before. -#}
    {%- for shift in range(1, reach + 1) -%}
        {%- do upstreams.append(
            {
                "from": "(" ~ recorded_days_sql(subjects.identifier) ~ ")",
                "date": "day - " ~ shift,
                "fingerprint": "content, rows",
                "rows": "sum(rows)",
                "defines_days": 0,
            }
        ) -%}
    {%- endfor -%}
    {%- set days = days_to_build(upstreams, in_parts=true) -%}
    {%- set rows -%}
        select
            {{ subject_id }},
            {{ mirror() }} - toUnixTimestamp64Milli(toDateTime64(event_at, 3, 'UTC')) as at_ms,
            {{ (keys + columns) | unique | join(", ") }},
            {{ in_days(days) }} as is_subject,
            true as is_event
            {{ part_of_key(key_hash(keys)) }}
        from {{ subjects }}
        where
            {{ in_days_with_lookback(days, reach, "event_date - " ~ reach) }}
            and {{ known_keys(keys) }}
    {%- endset -%}
    select
        * replace (
            fromUnixTimestamp64Milli({{ mirror() }} - toUnixTimestamp64Milli(event_at), 'UTC') as event_at,
            toDate(
                fromUnixTimestamp64Milli({{ mirror() }} - toUnixTimestamp64Milli(event_at), 'UTC')
            ) as event_date
        )
    from ({{ window_query(rows, subject_id, entity, keys, windows, aggregates, columns) }})
{% endmacro %}


{# Milliseconds of twice the instant that times are mirrored at, 15 January 2027. #}
{% macro mirror() -%} 3600000000000 {%- endmacro %}
