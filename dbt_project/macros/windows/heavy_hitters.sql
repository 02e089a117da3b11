{#
    What windows over `keys` will meet, before a backfill: one row for each of the heaviest keys.

    events, share   its events, and their part of all
    busiest_<w>     most events that one of its windows holds
    visited_<w>     events in all its windows: what a moving frame (method `frames`) looks at;
                    the other methods look at `events`

        dbt show --inline "{{ heavy_hitters(ref('clicks'), ['ip_hash'], ['1h', '1d']) }}"
#}
{% macro heavy_hitters(events, keys, windows, limit=10) -%}
    {%- set key_list = keys | join(", ") -%}
    with

        heaviest as (
            select {{ key_list }}
            from {{ events }}
            where {{ known_keys(keys) }}
            group by {{ key_list }}
            order by count() desc, {{ key_list }}
            limit {{ limit }}
        ),

        rows_in_order as (
            select {{ key_list }}, toUnixTimestamp64Milli(toDateTime64(event_at, 3, 'UTC')) as at_ms
            from {{ events }}
            where ({{ key_list }}) in (select {{ key_list }} from heaviest)
        ),

        windowed as (
            select
                {{ key_list }}
                {%- for window in windows %}
                    , count() over until - count() over before_{{ window }} as in_{{ window }}
                {%- endfor %}
            from rows_in_order
            window {{ window_frames(keys, windows) }}
        )

    select
        {{ key_list }},
        count() as events,
        events / (select count() from {{ events }}) as share
        {%- for window in windows %}
            , max(in_{{ window }}) as busiest_{{ window }}, sum(in_{{ window }}) as visited_{{ window }}
        {%- endfor %}
    from windowed
    group by {{ key_list }}
    order by events desc, {{ key_list }}
{%- endmacro %}
