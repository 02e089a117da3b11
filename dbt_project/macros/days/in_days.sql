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
