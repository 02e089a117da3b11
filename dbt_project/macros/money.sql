{# The currency of every mart, from the variable `currency`. #}
{% macro mart_currency() -%} {{ return(currency_variable("currency", "USD")) }} {%- endmacro %}


{# The currency of amounts that state none, from `unstated_currency`; empty where nobody says. #}
{% macro unstated_currency() -%} {{ return(currency_variable("unstated_currency", "")) }} {%- endmacro %}


{# A variable that names a currency, in capitals; `default` where it is not set. #}
{% macro currency_variable(name, default) -%}
    {%- set code = var(name, default) | string | trim | upper -%}
    {%- if code != default and not modules.re.match("^[A-Z]{3}$", code) -%}
        {{
            exceptions.raise_compiler_error(
                "the variable "
                ~ name
                ~ " is '"
                ~ var(name, default)
                ~ "': write three letters, such as USD, in dbt_project.yml or --vars"
            )
        }}
    {%- endif -%}
    {{ return(code) }}
{%- endmacro %}


{#
    An amount in the currency of the marts, to millionths; NULL where no rate converts it, or into more
    than can be summed.
#}
{% macro converted(amount, rate) -%}
    if({{ is_number(amount ~ " * " ~ rate) }}, round({{ amount }} * {{ rate }}, 6), null)
{%- endmacro %}


{# 1 where an amount is stated and no rate converts it. #}
{% macro is_unconverted(stated, amount) -%}({{ stated }} is not null and {{ amount }} is null) {%- endmacro %}


{#
    Sums of whole millionths are the same in whatever order rows are read; NULL where nothing is
    summed. 128 bits, for 64 overflow at 9 billion million.
#}
{% macro sum_of_money(amount, condition="true") -%}
    sumOrNullIf(toInt128(round(({{ amount }}) * 1000000)), {{ condition }}) / 1000000
{%- endmacro %}


{# The same, and 0 where nothing is to be summed; NULL where something is and none of it is known. #}
{% macro sum_of_known_money(amount, is_unknown, condition="true") -%}
    if(
        countIf(({{ condition }}) and {{ is_unknown }}) > 0,
        {{ sum_of_money(amount, condition) }},
        ifNull({{ sum_of_money(amount, condition) }}, 0)
    )
{%- endmacro %}
