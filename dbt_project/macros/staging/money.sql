{#
    A currency in capitals, such as USD; NULL for the words that say nothing. What is no code stays
    as it stands: no rate converts it, and it is not taken for one that is not stated.
#}
{% macro clean_currency(text) -%}
    nullIf(
        if(
            upper(trimBoth({{ text }}))
            in ('', 'NULL', 'NONE', 'N/A', 'NA', 'NAN', 'NIL', 'UNKNOWN', '-', '--', '0'),
            '',
            upper(trimBoth({{ text }}))
        ),
        ''
    )
{%- endmacro %}
