{# `event_date in (...)` for the days to build; false where there are none. #}
{% macro in_days(days, column="event_date") -%}
    {%- if days -%} {{ column }} in ({{ days | join(", ") }}) {%- else -%} false {%- endif -%}
{%- endmacro %}


{# The same with `lookback` days before each of them. #}
{% macro in_days_with_lookback(days, lookback, column="event_date") -%}
    {%- if days -%}
        {{ column }} in (
            select arrayJoin(arrayMap(shift -> day - shift, range({{ lookback + 1 }})))
            from (select arrayJoin([{{ days | join(", ") }}]) as day)
        )
    {%- else -%} false
    {%- endif -%}
{%- endmacro %}


{# The same with `lookahead` days after each of them. #}
{% macro in_days_with_lookahead(days, lookahead, column="event_date") -%}
    {%- if days -%}
        {{ column }} in (
            select arrayJoin(arrayMap(shift -> day + shift, range({{ lookahead + 1 }})))
            from (select arrayJoin([{{ days | join(", ") }}]) as day)
        )
    {%- else -%} false
    {%- endif -%}
{%- endmacro %}


{#
    Valid rows of a staged report that the days to build are made of. Only loads that brought rows
    to the days are read.
#}
{% macro staged_for(days) -%}
    reject_reason is null and {{ in_loads_of(days) }} and {{ in_days(days) }}
{%- endmacro %}


{# Rows of the loads that brought rows to the days: raw is ordered by load, not by day. #}
{% macro in_loads_of(days) -%}
    load_id
    in (select load_id from {{ ref("load_days") }} where {{ in_days(days) }} and {{ is_last_reading() }})
{%- endmacro %}
