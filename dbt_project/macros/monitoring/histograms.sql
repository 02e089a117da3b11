{#
    Rows of each feature by day and bin: all that drift needs, at a few bins a feature instead of
    every row. One scan of each column, so memory does not grow with the number of features.

    `features` is a list of mappings with `name` and `data_type`. A number's bin is the sign, the
    exponent and five bits of the fraction of its 32-bit float, so bins are ordered like the values
    and at most 3.2 % wide, without knowing the data. A text's bin is one of 256 by its hash, from a
    million on. Unknown is a bin of its own, the least.
#}
{% macro feature_histograms(feature_set, relation, features, condition="true") %}
    {%- for feature in features %}
        {{ "union all" if not loop.first }}
        select
            event_date,
            '{{ feature_set }}' as feature_set,
            '{{ feature.name }}' as feature,
            bin,
            count() as rows
        from
            (
                select
                    event_date,
                    ifNull({{ histogram_bin(feature.name, feature.data_type) }}, {{ unknown_bin() }}) as bin
                from {{ relation }}
                where {{ condition }}
            )
        group by event_date, bin
    {%- endfor %}
{% endmacro %}


{% macro histogram_bin(column, data_type) -%}
    {%- if "String" in data_type -%} toInt32({{ first_text_bin() }} + cityHash64({{ column }}) % 256)
    {%- else -%}
        if({{ column }} < 0, -1, 1)
        * toInt32(bitShiftRight(reinterpretAsUInt32(toFloat32(abs({{ column }}))), 18))
    {%- endif -%}
{%- endmacro %}


{% macro unknown_bin() -%} toInt32(-2147483648) {%- endmacro %}


{% macro first_text_bin() -%} 1000000 {%- endmacro %}


{# The features of a feature set, from its contract: name and data type of all but arrays. #}
{% macro features_of_set(feature_set) %}
    {% set found = [] %}
    {% if execute %}
        {% set project = model.package_name %}
        {% set parents = graph.nodes["model." ~ project ~ "." ~ feature_set].depends_on.nodes %}
        {% for parent in parents if parent in graph.nodes %}
            {% for name, facts in features_of(graph.nodes[parent]).items() if "Array" not in facts.data_type %}
                {% do found.append({"name": name, "data_type": facts.data_type}) %}
            {% endfor %}
        {% endfor %}
    {% endif %}
    {{ return(found) }}
{% endmacro %}
