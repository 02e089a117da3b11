{# Sources of one scope over the last `blocklist_days`: what is flagged, and why most often. #}
{% macro block_candidates(scope) %}
    {%- set keys = ["app_id", "publisher", "subpublisher"] %}
    select
        '{{ scope }}' as scope,
        {{ keys | join(", ") }},
        sum(is_one) as installs,
        sum(is_scored) as scored_installs,
        sum(is_flagged) as flagged_installs,
        countIf(is_payout_unknown and is_flagged and not is_blocked) as unconverted_at_risk,
        {{ sum_of_known_money("payout", "is_payout_unknown", "is_flagged and not is_blocked") }}
        as spend_at_risk,
        arrayFlatten(groupArrayIf(reasons_named, is_flagged)) as all_reasons,
        arrayDistinct(all_reasons) as distinct_reasons,
        arraySlice(arraySort(r -> (- countEqual(all_reasons, r), r), distinct_reasons), 1, 3) as top_reasons
    from
        (
            select
                app_id,
                publisher,
                {{ "subpublisher" if scope == "subpublisher" else "toLowCardinality('')" }} as subpublisher,
                1 as is_one,
                score is not null as is_scored,
                ifNull(is_flagged, 0) as is_flagged,
                is_blocked,
                -- Days that were built in another currency are not summed with the rest.
                if(currency = '{{ mart_currency() }}', payout, null) as payout,
                has(unconverted, 'payout') or currency != '{{ mart_currency() }}' as is_payout_unknown,
                arrayMap(r -> splitByString(' = ', r)[1], reasons) as reasons_named
            from {{ ref("install_facts") }}
            where
                not is_organic
                and event_date
                > (select max(event_date) from {{ ref("install_facts") }}) - {{ var("blocklist_days") }}
                {%- if scope == "subpublisher" %} and subpublisher != '' {%- endif %}
        )
    group by {{ keys | join(", ") }}
{% endmacro %}


{# A text as it stands in a query: in quotes, quotes and backslashes in it escaped. #}
{% macro as_sql_text(text) -%}
    concat('\'', replaceRegexpAll({{ text }}, '([\\\\\'])', '\\\\\\1'), '\'')
{%- endmacro %}
