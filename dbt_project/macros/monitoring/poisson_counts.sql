{# Counts of `shares` of `rows` rows, drawn with the normals of `radii`, `angles` and cos or sin. #}
{% macro poisson_counts(rows, turn) -%}
    arrayMap(
        (share, radius, angle, n) -> if(
            share = 0,
            0,
            greatest(
                0,
                round(pow(greatest(0, sqrt(n * share + 0.375) + radius * {{ turn }} (angle) / 2), 2) - 0.375)
            )
        ),
        shares,
        radii,
        angles,
        arrayWithConstant(12, {{ rows }})
    )
{%- endmacro %}
