{#
    Where clocks are put back an hour comes twice, where they are put forward one never comes: a local
    text of it has two readings. `utc_time` reads the earlier; where only the later keeps the order
    of the row's own times, `in_order` takes that. `before` are columns of times that came before.
#}
{% macro in_order(text, read, before, zones) -%}
    {%- if zones | length == 1 -%} {{ read }}
    {%- else -%}
        {%- set later = later_reading(text, read, zones) -%}
        if(
            {% for time in before -%}
                ifNull(
                    {{ time }} > {{ read }} and {{ time }} <= {{ later }}, false
                ) {{- " or " if not loop.last }}
            {%- endfor %},
            {{ later }},
            {{ read }}
        )
    {%- endif -%}
{%- endmacro %}


{# The later reading of a text whose earlier one is `read`; `read` where it has but one. #}
{% macro later_reading(text, read, zones, zone="timezone") -%}
    multiIf(
        {% for name in zones if name != "UTC" -%}
            {%- set offset = utc_offset(read, name) -%}
            {%- set before = utc_offset(read ~ " - toIntervalHour(12)", name) -%}
            {%- set after = utc_offset(read ~ " + toIntervalHour(12)", name) -%}
            {%- set put_back = before ~ " - " ~ after -%}
            {#- Put forward: by so much the text is ahead of what clocks showed at `read`. #}
            {{ zone }} = '{{ name }}' and {{ after }} > {{ before }},
            {{ read }} + toIntervalSecond(
                dateDiff('second', {{ read }}, parseDateTime64BestEffortOrNull({{ trimmed(text) }}, 3, 'UTC'))
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
{%- endmacro %}


{# Seconds that clocks of a zone are ahead of UTC. #}
{% macro utc_offset(time, zone) -%}
    timezoneOffset(toTimeZone(assumeNotNull({{ time }}), '{{ zone }}'))
{%- endmacro %}
