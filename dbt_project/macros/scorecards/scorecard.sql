{#
    The scorecard of a day, app and `entity` columns (publisher, or publisher and subpublisher),
    from install_facts and click_facts_daily.

    Rates stand beside the app's of that day over all who are paid: a deviation is their difference
    in standard errors, and a shrunken rate is (k + m * the app's rate) / (n + m) with m
    `scorecard_prior_rows`, so that a small source is not thought extreme for its size.
#}
{% macro scorecard(entity, days) %}
    {%- set keys = ["event_date", "app_id"] + entity %}
    {%- set prior = var("scorecard_prior_rows") %}
    with

        clicks as (
            select
                {{ keys | join(", ") }},
                sum(clicks) as clicks,
                sum(duplicate_clicks) as duplicate_clicks,
                sum(scored_clicks) as scored_clicks,
                sum(conversions) as conversions,
                sum(sum_of_scores) as sum_of_scores
            from {{ ref("click_facts_daily") }}
            where {{ in_days(days) }}
            group by {{ keys | join(", ") }}
        ),

        installs as (
            select {{ keys | join(", ") }}, {{ install_measures() }}
            from {{ ref("install_facts") }}
            where {{ in_days(days) }}
            group by {{ keys | join(", ") }}
        ),

        keys as (
            select {{ keys | join(", ") }}
            from clicks
            union distinct
            select {{ keys | join(", ") }}
            from installs
        ),

        joined as (
            select
                {% for key in keys %} keys.{{ key }} as {{ key }}, {% endfor %}
                {% for count in ["clicks", "duplicate_clicks", "scored_clicks", "conversions"] -%}
                    ifNull(clicks.{{ count }}, 0) as {{ count }},
                {% endfor -%}
                {{ share("clicks.scored_clicks", "clicks.sum_of_scores") }} as mean_conversion_score,
                {% for count in install_counts() -%}
                    ifNull(installs.{{ count }}, 0) as {{ count }},
                {% endfor -%}
                installs.* except ({{ (keys + install_counts()) | join(", ") }})
            from keys
            left join clicks using ({{ keys | join(", ") }})
            left join installs using ({{ keys | join(", ") }})
        ),

        apps as (
            select
                event_date,
                app_id,
                sum(clicks) as app_clicks,
                sum(installs) as app_installs,
                sum(installs_with_ctit) as app_installs_with_ctit,
                sum(ctit_under_10s) as app_ctit_under_10s,
                sum(scored_installs) as app_scored,
                sum(flagged_installs) as app_flagged
            from joined
            where publisher != 'organic'
            group by event_date, app_id
        )

    select
        joined.* except (ctit_under_10s, paid_in),
        toLowCardinality(ifNull(toString(paid_in), '{{ mart_currency() }}')) as currency,
        {{ share("joined.clicks", "joined.installs") }} as conversion_rate,
        {{ share("app_clicks", "app_installs") }} as app_conversion_rate,
        {{ shrunken("joined.installs", "joined.clicks", "app_conversion_rate", prior) }}
        as conversion_rate_shrunken,
        {{ deviation("joined.installs", "joined.clicks", "app_conversion_rate") }} as conversion_deviation,
        {{ share("joined.installs_with_ctit", "joined.ctit_under_10s") }} as ctit_under_10s_share,
        {{ share("app_installs_with_ctit", "app_ctit_under_10s") }} as app_ctit_under_10s_share,
        {{ deviation("joined.ctit_under_10s", "joined.installs_with_ctit", "app_ctit_under_10s_share") }}
        as ctit_under_10s_deviation,
        {{ share("joined.scored_installs", "joined.flagged_installs") }} as flagged_share,
        {{ wilson_low("joined.flagged_installs", "joined.scored_installs") }} as flagged_share_low,
        {{ wilson_high("joined.flagged_installs", "joined.scored_installs") }} as flagged_share_high,
        {{ share("app_scored", "app_flagged") }} as app_flagged_share,
        {{ shrunken("joined.flagged_installs", "joined.scored_installs", "app_flagged_share", prior) }}
        as flagged_share_shrunken,
        toUInt8(
            joined.installs >= {{ var("scorecard_min_installs") }}
            or joined.clicks >= {{ var("scorecard_min_clicks") }}
        ) as has_minimum_volume
    from joined
    left join apps on apps.event_date = joined.event_date and apps.app_id = joined.app_id
{% endmacro %}


{# Counts of installs that are 0, not unknown, where there are no installs. #}
{% macro install_counts() %}
    {{
        return(
            [
                "installs",
                "blocked_installs",
                "duplicate_installs",
                "verdicts_of_fraud",
                "scored_installs",
                "flagged_installs",
                "installs_with_ctit",
                "ctit_under_10s",
                "unconverted_payouts",
                "unconverted_at_risk",
            ]
        )
    }}
{% endmacro %}


{% macro install_measures() %}
    count() as installs,
    sum(is_blocked) as blocked_installs,
    sum(duplicate_count) as duplicate_installs,
    sum(has_verdict) as verdicts_of_fraud,
    count(score) as scored_installs,
    countIf(is_flagged = 1) as flagged_installs,
    count(ctit_seconds) as installs_with_ctit,
    countIf(ctit_seconds < 10) as ctit_under_10s,
    quantileExactInclusiveOrNull(0.1)
    (ctit_seconds) as ctit_p10_seconds,
    quantileExactInclusiveOrNull(0.5)
    (ctit_seconds) as ctit_median_seconds,
    quantileExactInclusiveOrNull(0.9)
    (ctit_seconds) as ctit_p90_seconds,
    avgOrNull(ctit_seconds > 3600) as ctit_over_1h_share,
    avgOrNull(ctit_seconds > 86400) as ctit_over_1d_share,
    avgOrNull(is_new_device) as new_device_share,
    avgOrNull(is_back_d1) as retention_d1,
    avgOrNull(is_back_d7) as retention_d7,
    quantileExactInclusiveOrNull(0.5)
    (score) as fraud_score_median,
    quantileExactInclusiveOrNull(0.9)
    (score) as fraud_score_p90,
    avgOrNull(score) as mean_fraud_score,
    -- Days are built whole: their installs have one currency, that of the variable at the time.
    max(currency) as paid_in,
    countIf(has(unconverted, 'payout')) as unconverted_payouts,
    countIf(has(unconverted, 'payout') and is_flagged = 1 and not is_blocked) as unconverted_at_risk,
    {{ sum_of_money("payout") }} as spend,
    if(
        count(score) = 0,
        null,
        {{ sum_of_known_money("payout", "has(unconverted, 'payout')", "is_flagged = 1 and not is_blocked") }}
    ) as spend_at_risk
{% endmacro %}


{% macro share(n, k) -%} if({{ n }} = 0, null, {{ k }} / {{ n }}) {%- endmacro %}


{% macro shrunken(k, n, rate, prior) -%}
    ({{ k }} + {{ prior }} * {{ rate }}) / ({{ n }} + {{ prior }})
{%- endmacro %}


{# Difference from a rate in standard errors; NULL where the rate is 0 or 1, or n is 0. #}
{% macro deviation(k, n, rate) -%}
    if(
        {{ n }} > 0 and {{ rate }} > 0 and {{ rate }} < 1,
        ({{ k }} / {{ n }} - {{ rate }}) / sqrt({{ rate }} * (1 - {{ rate }}) / {{ n }}),
        null
    )
{%- endmacro %}
