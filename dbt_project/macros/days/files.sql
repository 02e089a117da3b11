{# What the engine may do in the background with the files of tables built by day. #}
{% macro set_files_of_table(relation, settings) %}
    {% do run_query(
        "alter table " ~ relation ~ " " ~ on_cluster_clause(relation) ~ " modify setting " ~ settings
    ) %}
{% endmacro %}


{#
    Of tables that are dropped soon: nothing. Merging was half of the machine's work while a chunk
    was filled, and for nothing.
#}
{% macro unmerged() -%}
    max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1
{%- endmacro %}


{#
    Of tables that stay: the files of small days become one, those of a day built in parts stay
    apart. A day is written whole and its files are few and large, so that one file would read no
    faster; merging them would rewrite all that was just written, beside the models that come next.
#}
{% macro lasting() -%} max_bytes_to_merge_at_max_space_in_pool = 100000000 {%- endmacro %}
