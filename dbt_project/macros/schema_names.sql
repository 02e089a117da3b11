{#
    A database of each stage. A schema that is no plain name could be a statement of its own: dbt asks
    for names while it parses, before it says anything to the engine.
#}
{% macro generate_schema_name(custom_schema_name, node) %}
    {% if not modules.re.fullmatch("[A-Za-z_][A-Za-z0-9_]{0,63}", target.schema) %}
        {{
            exceptions.raise_compiler_error(
                "the schema '"
                ~ target.schema[:80]
                ~ "' is no plain name: set CLICKWARD_SCHEMA to letters, digits and _, no digit first, 64 at most."
            )
        }}
    {% endif %}
    {{- default__generate_schema_name(custom_schema_name, node) -}}
{% endmacro %}
