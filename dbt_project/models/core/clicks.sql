{{
    config(
        engine=table_engine(),
        order_by="(event_at, click_id)",
        post_hook="{{ follow_moved_clicks() }}",
    )
}}
{%- set days = days_to_build([loads_of(["talkingdata.clicks", "appsflyer.clicks"])], in_parts=true) %}

{%- set united %}
(
with

    talkingdata as (
        select
            click_id,
            'talkingdata' as source,
            event_at,
            event_date,
            arrived_at,
            app_id as app,
            publisher,
            null as subpublisher,
            null as campaign_name,
            ip_hash,
            null as ip_subnet,
            null as device_hash,
            device_model as model_name,
            os_version as os,
            null as platform_name,
            null as country,
            null as carrier_name
        from {{ ref("stg_talkingdata__clicks") }}
        where {{ staged_for(days) }}
    ),

    appsflyer as (
        select
            click_id,
            'appsflyer' as source,
            event_at,
            event_date,
            arrived_at,
            app,
            publisher,
            subpublisher,
            campaign_name,
            ip_hash,
            ip_subnet,
            device_hash,
            model_name,
            os,
            platform_name,
            country,
            carrier_name
        from {{ ref("stg_appsflyer__clicks") }}
        where {{ staged_for(days) }}
    )

select *
from talkingdata
union all
select *
from appsflyer
)
{% endset %}

with kept as ({{ deduplicated(united, "click_id", prefer=["arrived_at", "cityHash64(tuple(*))"]) }})

select
    click_id,
    toLowCardinality(source) as source,
    assumeNotNull(event_at) as event_at,
    event_date,
    assumeNotNull(event_at) as known_at,
    arrived_at,
    toLowCardinality(assumeNotNull(app)) as app_id,
    toLowCardinality(assumeNotNull(publisher)) as publisher,
    toLowCardinality(subpublisher) as subpublisher,
    toLowCardinality(campaign_name) as campaign,
    ip_hash,
    ip_subnet,
    device_hash,
    toLowCardinality(model_name) as device_model,
    toLowCardinality(os) as os_version,
    toLowCardinality(platform_name) as platform,
    toLowCardinality(country) as country,
    toLowCardinality(carrier_name) as carrier,
    duplicate_count
from kept
