{{
    config(
        engine=table_engine(),
        order_by="(event_at, install_id)",
        post_hook="{{ follow_moved_ids() }}",
    )
}}
{%- set days = days_to_build(
    [loads_of(["appsflyer.installs", "appsflyer.blocked_installs"])], in_parts=true
) %}

{%- set united %}
(
    select *
    from {{ ref("stg_appsflyer__installs") }}
    where {{ staged_for(days) }}
    union all
    select *
    from {{ ref("stg_appsflyer__blocked_installs") }}
    where {{ staged_for(days) }}
)
{% endset %}

with

    -- A postback sent twice may differ in what was filled in: the earliest arrival stands, a block
    -- before a pass, and then the row whose hash is least.
    kept as (
        {{
            deduplicated(
                united,
                "install_id",
                prefer=[
                    "arrived_at",
                    "is_blocked desc",
                    "cityHash64(tuple(* except (load_id, source_file, source_row)))",
                ],
            )
        }}
    )

select
    install_id,
    toLowCardinality('appsflyer') as source,
    assumeNotNull(event_at) as event_at,
    event_date,
    assumeNotNull(event_at) as known_at,
    arrived_at,
    toLowCardinality(assumeNotNull(app)) as app_id,
    toLowCardinality(assumeNotNull(publisher)) as publisher,
    toLowCardinality(subpublisher) as subpublisher,
    toLowCardinality(campaign_name) as campaign,
    is_organic,
    is_blocked,
    is_reinstall,
    touched_at,
    began_at,
    downloaded_at,
    play_clicked_at,
    assisted_at,
    toLowCardinality(assisted_by) as assisted_by,
    is_referrer_other,
    is_on_wifi,
    toLowCardinality(store_name) as store,
    missing_fields,
    if(is_organic, null, dateDiff('millisecond', touched_at, event_at) / 1000) as ctit_seconds,
    toLowCardinality(matched_by) as match_type,
    contributors,
    payout,
    toLowCardinality(payout_currency) as payout_currency,
    ip_hash,
    ip_subnet,
    device_hash,
    toLowCardinality(model_name) as device_model,
    toLowCardinality(os) as os_version,
    toLowCardinality(platform_name) as platform,
    toLowCardinality(country) as country,
    toLowCardinality(carrier_name) as carrier,
    toLowCardinality(app_release) as app_version,
    toLowCardinality(sdk_release) as sdk_version,
    duplicate_count
from kept
