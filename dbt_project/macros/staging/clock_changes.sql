{#
    Where clocks are put back an hour comes twice, where they are put forward one never comes: a local
    text of it has two readings. Rows of a relation with both of each of `times`, names of texts: the
    earlier as `NAME_read`, the later as `NAME_later`, which is the same but for such hours. In layers,
    for the engine writes an expression out wherever its name stands.
#}
{% macro both_readings(relation, times, zones) -%}
    select
        *,
        {% for name, text in times.items() -%}
            {{ later_reading(text, name ~ "_read", zones) }} as {{ name }}_later {{- ", " if not loop.last }}
        {%- endfor %}
    from
        (
            select
                *,
                {% for name, text in times.items() -%}
                    {{ utc_time(text, zones) }} as {{ name }}_read {{- ", " if not loop.last }}
                {%- endfor %}
            from {{ relation }}
        )
{%- endmacro %}


{#
    The reading of a time that keeps the order of the row's own times: the earlier, unless one of `before`,
    columns of times that came before, lies between the two. They are compared by second, for some
    columns tell milliseconds and others do not.
#}
{% macro in_order(name, before) -%}
    if(
        {% for time in before -%}
            ifNull(
                toStartOfSecond({{ time }}) > toStartOfSecond({{ name }}_read)
                and toStartOfSecond({{ time }}) <= toStartOfSecond({{ name }}_later),
                false
            ) {{- " or " if not loop.last }}
        {%- endfor %},
        {{ name }}_later,
        {{ name }}_read
    )
{%- endmacro %}


{# The later reading of a text whose earlier one is `read`; `read` where it has but one. #}
{% macro later_reading(text, read, zones, zone="timezone") -%}
    {%- if zones == ["UTC"] -%} {{ read }}
    {%- else -%}
        multiIf(
            {% for name in zones if name != "UTC" -%}
                {%- set offset = utc_offset(read, name) -%}
                {%- set before = utc_offset(read ~ " - toIntervalHour(12)", name) -%}
                {%- set after = utc_offset(read ~ " + toIntervalHour(12)", name) -%}
                {%- set put_back = before ~ " - " ~ after -%}
                {#- Put forward: by so much the text is ahead of what clocks showed at `read`. #}
                {{ zone }} = '{{ name }}' and {{ after }} > {{ before }},
                {{ read }} + toIntervalSecond(
                    dateDiff(
                        'second', {{ read }}, parseDateTime64BestEffortOrNull({{ trimmed(text) }}, 3, 'UTC')
                    )
                    - {{ offset }}
                ),
                {#- Put back soon after `read`: clocks show the text once more. #}
                {{ zone }} = '{{ name }}'
                and {{ after }} < {{ before }}
                and {{ offset }} = {{ before }}
                and {{ utc_offset(read ~ " + toIntervalSecond(" ~ put_back ~ ")", name) }} = {{ after }},
                {{ read }} + toIntervalSecond({{ put_back }}),
            {% endfor -%}
            {{ read }}
        )
    {%- endif -%}
{%- endmacro %}


{# Seconds that clocks of a zone are ahead of UTC. #}
{% macro utc_offset(time, zone) -%}
    timezoneOffset(toTimeZone(assumeNotNull({{ time }}), '{{ zone }}'))
{%- endmacro %}
