{# What a source's latest verdict says in `column`; of two at one instant the positive one. `known` bounds what was known. #}
{% macro latest_verdict(column="value", known=none) -%}
    {%- if known is none -%} argMax({{ column }}, (known_at, value))
    {%- else -%} argMaxIf({{ column }}, (known_at, value), {{ known }})
    {%- endif -%}
{%- endmacro %}


{#
    Steps up to `flips`, one row per subject and instant at which verdicts were given: `change` is 1
    where the subject becomes positive, -1 where its last positive verdict is taken back, else 0.
#}
{% macro verdict_flips(subject, target, where) -%}
    verdicts as (
        select
            subject_id,
            known_at,
            toInt32(value) - lagInFrame(toInt32(value), 1, 0) over (
                partition by subject_id, verdict_source
                order by known_at, value
                rows between unbounded preceding and current row
            ) as change
        from {{ ref("labels") }}
        where subject = '{{ subject }}' and target = '{{ target }}' and {{ where }}
    ),

    states as (
        select
            subject_id,
            known_at,
            toInt32(
                sum(sum(change)) over (
                    partition by subject_id order by known_at rows between unbounded preceding and current row
                )
                > 0
            ) as is_positive
        from verdicts
        group by subject_id, known_at
    ),

    flips as (
        select
            subject_id,
            known_at,
            is_positive - lagInFrame(is_positive, 1, 0) over (
                partition by subject_id order by known_at rows between unbounded preceding and current row
            ) as change
        from states
    )
{%- endmacro %}
