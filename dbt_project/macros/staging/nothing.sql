{# Whether a text says nothing: one list of words for texts, ids, addresses, times and numbers. #}
{% macro says_nothing(text) -%}
    ({{ trimmed(text, lower=true) }} in ('{{ var("words_for_nothing") | join("', '") }}'))
{%- endmacro %}

{# A text without white space around it. #}
{% macro trimmed(text, lower=false) -%}
    {{ "lower(" if lower }}trimBoth({{ text }}, ' \t\r\n'){{ ")" if lower }}
{%- endmacro %}

{# A text as it came, NULL where it says nothing. #}
{% macro said(text) -%} if({{ says_nothing(text) }}, null, {{ text }}) {%- endmacro %}

{# 1 or 0; NULL where the text says nothing or something else. #}
{% macro yes_or_no(text) -%}
    multiIf(
        {{ trimmed(text, lower=true) }} in ('true', '1', 'yes'),
        toUInt8(1),
        {{ trimmed(text, lower=true) }} in ('false', '0', 'no'),
        toUInt8(0),
        null
    )
{%- endmacro %}

{# Float64 of a text; NULL where it is no finite number, or beyond 10^20, which no sum could hold. #}
{% macro number(text) -%}
    if({{ is_number("toFloat64OrZero(" ~ trimmed(text) ~ ")") }}, toFloat64OrNull({{ trimmed(text) }}), null)
{%- endmacro %}

{#
    How many values of a row were there and could not be read: of pairs of a text and SQL that is
    true where it was read. Of `numbers` also NaN, which elsewhere says nothing.
#}
{% macro unread(pairs, numbers=[]) -%}
    toUInt64(
        {% for text, is_read in pairs + numbers -%}
            (
                {% if loop.index > pairs | length -%}
                    (lower({{ text }}) like '%nan%' or not {{ says_nothing(text) }})
                {%- else -%}not {{ says_nothing(text) }}
                {%- endif %} and not ({{ is_read }})
            ) {{- " + " if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
