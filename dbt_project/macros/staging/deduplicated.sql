{#
    Keeps one row per `id` and counts the others in `duplicate_count`. `prefer` says which one:
    an order over columns that does not depend on how rows were loaded.

    `relation` is a CTE, or, in a model that is filled in parts, a subquery: copies are in one part.
#}
{% macro deduplicated(relation, id, prefer) -%}
    {%- set rows -%}
        select * {{ part_of_key("cityHash64(" ~ id ~ ")") }} from {{ relation }}
    {%- endset -%}
    select * except (copy), toUInt32(copies - 1) as duplicate_count
    from
        (
            select
                *,
                row_number() over (partition by {{ id }} order by {{ prefer | join(", ") }}) as copy,
                count() over (partition by {{ id }}) as copies
            from ({{ rows_of_part(rows) }})
        )
    where copy = 1
{%- endmacro %}
