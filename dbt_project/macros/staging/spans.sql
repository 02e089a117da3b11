{#
    The times that a row can have: from `plausible_from` to `plausible_days_ahead` days after it arrived,
    or, where its path does not tell, after its content was first loaded. A Date holds all of them.
#}
{% macro is_plausible(time, latest="latest_plausible") -%}
    ifNull({{ time }} >= {{ earliest_plausible() }} and {{ time }} <= {{ latest }}, false)
{%- endmacro %}

{# An optional time: NULL where it is not plausible, which `unread` then counts. #}
{% macro plausible(time) -%} if({{ is_plausible(time) }}, {{ time }}, null) {%- endmacro %}

{% macro earliest_plausible() -%}
    {%- set first = modules.datetime.date.fromisoformat(var("plausible_from") | string) -%}
    {%- if first < modules.datetime.date(1970, 1, 2) -%}
        {{
            exceptions.raise_compiler_error(
                "plausible_from is " ~ first ~ ": a day before 1970-01-02 cannot be kept"
            )
        }}
    {%- endif -%}
    toDateTime64('{{ first }} 00:00:00', 3, 'UTC')
{%- endmacro %}

{#
    When a row reached us, where the file's path tells: the end of its `dt=` day or `h=` hour. The lowest
    folders tell: others may stand above those of the export.
#}
{% macro arrived_at(path="_source_file") -%}
    {%- set day = "(?s)^(?:.*/)?dt=([1-9][0-9]{3}-[0-9]{2}-[0-9]{2})/" -%}
    {%- set hour = day ~ "(?:.*/)?h=([01]?[0-9]|2[0-3])/" -%}
    if(
        match({{ path }}, '{{ day }}'),
        parseDateTime64BestEffortOrNull(extract({{ path }}, '{{ day }}'), 3, 'UTC') + toIntervalHour(
            if(
                match({{ path }}, '{{ hour }}'),
                toUInt8OrZero(extractGroups({{ path }}, '{{ hour }}')[2]) + 1,
                24
            )
        ),
        null
    )
{%- endmacro %}

{#
    Rows of committed loads with their ledger row's time zone, when they arrived, and the latest time
    that they can have.
#}
{% macro committed(relation) -%}
    select
        raw.*,
        ledger.timezone as timezone,
        least(
            coalesce(raw.told_arrival, ledger.first_loaded_at)
            + toIntervalDay({{ var("plausible_days_ahead") }}),
            toDateTime64('2149-06-05 00:00:00', 3, 'UTC')
        ) as latest_plausible
    from (select *, {{ arrived_at() }} as told_arrival from {{ relation }}) as raw
    inner join ({{ first_loads() }}) as ledger on raw._load_id = ledger.load_id
{%- endmacro %}

{# Committed loads; content that was loaded before counts from then, so that its rows stay the same. #}
{% macro first_loads() -%}
    select
        loads.load_id as load_id,
        loads.timezone as timezone,
        least(loads.started_at, ifNull(contents.first_loaded_at, loads.started_at)) as first_loaded_at
    from {{ source("loads", "loads") }} as loads
    left join
        (
            select content_hash, min(loaded_at) as first_loaded_at
            from {{ source("loads", "contents") }}
            group by content_hash
        ) as contents
        on contents.content_hash = loads.content_hash
{%- endmacro %}

{# UTC day of a row; rejected rows stand together on 1970-01-01. #}
{% macro day_of(event_at) -%}
    if(reject_reason is null, assumeNotNull(toDate({{ event_at }})), toDate('1970-01-01'))
{%- endmacro %}
