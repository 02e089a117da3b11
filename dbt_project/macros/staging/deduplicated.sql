{#
    Keeps one row per `id` and counts the others in `duplicate_count`. `prefer` says which one:
    an order over columns that does not depend on how rows were loaded.
#}
{% macro deduplicated(relation, id, prefer) -%}
    select * except (copy), toUInt32(copies - 1) as duplicate_count
    from
        (
            select
                *,
                row_number() over (partition by {{ id }} order by {{ prefer | join(", ") }}) as copy,
                count() over (partition by {{ id }}) as copies
            from {{ relation }}
        )
    where copy = 1
{%- endmacro %}
