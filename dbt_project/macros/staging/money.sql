{#
    A currency in capitals, such as USD; NULL where the text says nothing. What is no code stays as it
    stands: no rate converts it, and it is not taken for one that is not stated.
#}
{% macro clean_currency(text) -%}
    if({{ says_nothing(text) }}, null, upper({{ trimmed(text) }}))
{%- endmacro %}
