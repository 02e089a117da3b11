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

{# Local text to DateTime64(3, 'UTC'), by the zone in column `zone`; NULL where it is no time. #}
{% macro utc_time(text, zones, zone="timezone") -%}
    multiIf(
        {{ text }} = '',
        null,
        {% for name in zones -%}
            {{ zone }} = '{{ name }}',
            toTimeZone(parseDateTime64BestEffortOrNull({{ text }}, 3, '{{ name }}'), 'UTC'),
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

{# When a row reached us, where the file's path tells: the end of its `dt=` day or `h=` hour. #}
{% macro arrived_at(path="_source_file") -%}
    if(
        match({{ path }}, '(^|/)dt=[0-9]{4}-[0-9]{2}-[0-9]{2}/'),
        if(
            match({{ path }}, '/h=[0-9]{1,2}/'),
            toDateTime64OrNull(extract({{ path }}, 'dt=([0-9-]{10})/') || ' 00:00:00', 3, 'UTC')
            + toIntervalHour(toUInt8OrZero(extract({{ path }}, '/h=([0-9]{1,2})/')) + 1),
            toDateTime64OrNull(extract({{ path }}, 'dt=([0-9-]{10})/') || ' 00:00:00', 3, 'UTC')
            + toIntervalDay(1)
        ),
        null
    )
{%- endmacro %}

{# Rows of committed loads with their ledger row's time zone. #}
{% macro committed(relation) -%}
    select raw.*, ledger.timezone
    from {{ relation }} as raw
    inner join {{ source("loads", "loads") }} as ledger on raw._load_id = ledger.load_id
{%- endmacro %}

{# UTC day of a row; rejected rows stand together on 1970-01-01. #}
{% macro day_of(event_at) -%}
    if(reject_reason is null, assumeNotNull(toDate({{ event_at }})), toDate('1970-01-01'))
{%- endmacro %}
