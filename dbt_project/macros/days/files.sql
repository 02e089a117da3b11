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
    Of tables that stay: files are merged up to 100 MB, so that a small day becomes one file and a
    large one a few. One file of all would read no faster, and merging into it would rewrite all
    that was just written, beside the models that come next.
#}
{% macro lasting() -%} max_bytes_to_merge_at_max_space_in_pool = 100000000 {%- endmacro %}
