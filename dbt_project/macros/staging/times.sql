{# Time zones of a source's loads: ClickHouse converts only by a constant name. #}
{% macro load_timezones(source_name) %}
    {% set zones = ["UTC"] %}
    {% if execute %}
        {% set found = run_query(
            "select distinct timezone from "
            ~ target.schema
            ~ "_raw.loads where source = '"
            ~ source_name
            ~ "' order by timezone"
        ) %}
        {% for row in found.rows if row[0] not in zones %} {% do zones.append(row[0]) %} {% endfor %}
    {% endif %}
    {{ return(zones) }}
{% endmacro %}

{#
    Local text to DateTime64(3, 'UTC'), by the zone in column `zone`; NULL where it says nothing or is
    no time. Of the two readings of an hour that comes twice it is the earlier.
#}
{% macro utc_time(text, zones, zone="timezone") -%}
    multiIf(
        not {{ is_time(text) }},
        null,
        {% for name in zones -%}
            {{ zone }} = '{{ name }}',
            toTimeZone(parseDateTime64BestEffortOrNull({{ trimmed(text) }}, 3, '{{ name }}'), 'UTC'),
        {% endfor -%}
        {# The view is older than a load's time zone: stop rather than reject good rows. #}
        toTimeZone(
            toDateTime64(
                throwIf(
                    {{ zone }} not in ('{{ zones | join("', '") }}'),
                    'a load has a new time zone: build staging too'
                ),
                3
            ),
            'UTC'
        )
    )
{%- endmacro %}

{#
    Whether a text has the form of a time as the loader takes it. The engine's parser takes more, and fills
    in what is missing: the year 0000 becomes this one, the month 00 January.
#}
{% macro is_time(text) -%}
    match(
        {{ trimmed(text) }},
        '^([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])([ T]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)([.][0-9]+)?)?$'
    )
{%- endmacro %}
