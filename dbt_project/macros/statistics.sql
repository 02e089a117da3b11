{# Ends of the 95 % Wilson interval of a share; NULL where n is 0. #}
{% macro wilson_low(successes, n) -%}
    if(
        {{ n }} = 0,
        null,
        greatest(
            0,
            (
                {{ successes }} / {{ n }}
                + 1.9208 / {{ n }}
                - 1.96
                * sqrt(
                    ({{ successes }} / {{ n }}) * (1 - {{ successes }} / {{ n }}) / {{ n }}
                    + 0.9604 / pow({{ n }}, 2)
                )
            )
            / (1 + 3.8416 / {{ n }})
        )
    )
{%- endmacro %}

{% macro wilson_high(successes, n) -%}
    if(
        {{ n }} = 0,
        null,
        least(
            1,
            (
                {{ successes }} / {{ n }}
                + 1.9208 / {{ n }}
                + 1.96
                * sqrt(
                    ({{ successes }} / {{ n }}) * (1 - {{ successes }} / {{ n }}) / {{ n }}
                    + 0.9604 / pow({{ n }}, 2)
                )
            )
            / (1 + 3.8416 / {{ n }})
        )
    )
{%- endmacro %}
