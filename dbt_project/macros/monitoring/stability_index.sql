{#
    Sum over groups of (p - q) ln(p / q), p and q the shares of two arrays of counts; half a row is
    added to each group that either has, so that an empty one is not infinitely far away.
#}
{% macro stability_index(counts, others) -%}
    {%- set groups = "arrayCount((x, y) -> x + y > 0, " ~ counts ~ ", " ~ others ~ ")" -%}
    arraySum(
        (x, y, n, m)
        -> if(x + y > 0, ((x + 0.5) / n - (y + 0.5) / m) * log(((x + 0.5) / n) / ((y + 0.5) / m)), 0),
        {{ counts }},
        {{ others }},
        arrayWithConstant(12, arraySum({{ counts }}) + {{ groups }} / 2),
        arrayWithConstant(12, arraySum({{ others }}) + {{ groups }} / 2)
    )
{%- endmacro %}
