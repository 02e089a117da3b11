{# Columns that AppsFlyer's reports share, cleaned. One place, since five reports carry them. #}
{% macro appsflyer_context() %}
    {{ clean_text("app_id") }} as clean_app_id,
    coalesce({{ clean_text("media_source") }}, 'organic') as publisher,
    if({{ says_nothing("af_siteid") }}, '', af_siteid) as site,
    if({{ says_nothing("af_sub_siteid") }}, '', af_sub_siteid) as sub_site,
    {{ joined_key("site", "sub_site") }} as subpublisher,
    {{ clean_text("campaign") }} as clean_campaign,
    {{ address("ip") }} as ip_read,
    {{ spelled("ip_read") }} as ip_spelled,
    {{ hashed("ip_spelled") }} as ip_hash,
    {{ subnet("ip_spelled") }} as ip_subnet,
    {{ hashed(appsflyer_device_id()) }} as device_hash,
    {{ clean_text("device_model") }} as clean_device_model,
    {{ clean_version("os_version") }} as clean_os_version,
    {{ clean_text("platform") }} as clean_platform,
    {{ clean_country("country_code") }} as country,
    coalesce({{ clean_text("carrier") }}, {{ clean_text("operator") }}) as clean_carrier
{% endmacro %}


{# The first id a row has: advertising id, IDFA, OAID, Android id, IDFV. #}
{% macro appsflyer_device_id() -%}
    coalesce(
        {% for id in ["advertising_id", "idfa", "oaid", "android_id", "idfv"] -%}
            {{ clean_device_id(id) }}{{ ', ' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}


{# What a report gives as reason and sub-reason. #}
{% macro both_reasons(reason, sub_reason) -%}
    {{ trimmed("coalesce(" ~ said(reason) ~ ", '') || ' ' || coalesce(" ~ said(sub_reason) ~ ", '')") }}
{%- endmacro %}


{# Rows of `installs` or `blocked_installs`, typed and renamed. #}
{% macro appsflyer_installs(relation, is_blocked) %}
    {%- set zones = load_timezones("appsflyer") -%}
    with

        source as ({{ committed(relation) }}),

        read as (
            {%- set times = {
                "install": "install_time",
                "touch": "attributed_touch_time",
                "contributor": "contributor1_touch_time",
                "play_click": "gp_click_time",
                "download": "device_download_time",
                "install_begin": "gp_install_begin",
            } %}
            {{ both_readings("source", times, zones) }}
        ),

        {#- Told on the device after the touch: put in order before the install is by them. #}
        clicked as (
            select
                *,
                touch_read as touch_at,
                {{ plausible("contributor_read") }} as contributor_at,
                {{ in_order("play_click", ["touch_read"]) }} as play_click_told,
                {{ plausible("play_click_told") }} as play_click_at
            from read
        ),

        begun as (
            select
                *,
                {% for name in ["download", "install_begin"] -%}
                    {{ in_order(name, ["touch_at", "play_click_at"]) }} as {{ name }}_told,
                    {{ plausible(name ~ "_told") }} as {{ name }}_at {{- ", " if not loop.last }}
                {%- endfor %}
            from clicked
        ),

        typed as (
            select
                *,
                {{
                    in_order(
                        "install",
                        ["touch_at", "play_click_at", "install_begin_at", "download_at", "contributor_at"],
                    )
                }} as installed_at,
                {{ appsflyer_context() }}
            from begun
        ),

        renamed as (
            select
                {{ appsflyer_install_id() }} as install_id,
                installed_at as event_at,
                touch_at as touched_at,
                install_begin_at as began_at,
                download_at as downloaded_at,
                clean_app_id as app,
                publisher,
                subpublisher,
                clean_campaign as campaign_name,
                ip_hash,
                ip_subnet,
                device_hash,
                clean_device_model as model_name,
                clean_os_version as os,
                clean_platform as platform_name,
                country,
                clean_carrier as carrier_name,
                {{ clean_version("app_version") }} as app_release,
                {{ clean_version("sdk_version") }} as sdk_release,
                {{ clean_text("match_type") }} as matched_by,
                toUInt8(publisher = 'organic') as is_organic,
                ifNull({{ yes_or_no("store_reinstall") }}, 0) as is_reinstall,
                toUInt8(
                    (not {{ says_nothing("contributor1_touch_time") }})
                    + (not {{ says_nothing("contributor2_touch_time") }})
                    + (not {{ says_nothing("contributor3_touch_time") }})
                ) as contributors,
                play_click_at as play_clicked_at,
                contributor_at as assisted_at,
                {{ clean_text("contributor1_media_source") }} as assisted_by,
                -- The referrer that Google Play hands on names the campaign whose link was followed.
                if(
                    {{ says_nothing("gp_referrer") }} or {{ says_nothing("campaign") }},
                    null,
                    toUInt8(position(lower(gp_referrer), lower(trimBoth(campaign))) = 0)
                ) as is_referrer_other,
                {{ yes_or_no("wifi") }} as is_on_wifi,
                {{ clean_text("install_app_store") }} as store_name,
                toUInt8(
                    {{ says_nothing("device_model") }}
                    + {{ says_nothing("os_version") }}
                    + (clean_carrier is null)
                    + {{ says_nothing("language") }}
                    + {{ says_nothing("app_version") }}
                    + {{ says_nothing("sdk_version") }}
                    + ({{ says_nothing("install_app_store") }} and lower(platform) = 'android')
                ) as missing_fields,
                {{ number("af_cost_value") }} as payout,
                {{ clean_currency("af_cost_currency") }} as payout_currency,
                toUInt8({{ 1 if is_blocked else 0 }}) as is_blocked,
                {{ both_reasons("blocked_reason", "blocked_sub_reason") if is_blocked else "''" }}
                as fraud_reason_text,
                multiIf(
                    installed_at is null,
                    'invalid_install_time',
                    not {{ is_plausible("installed_at") }},
                    'implausible_install_time',
                    app is null,
                    'missing_app_id',
                    {{ says_nothing("appsflyer_id") }},
                    'missing_appsflyer_id',
                    {{ says_nothing("attributed_touch_time") }},
                    null,
                    touch_at is null,
                    'invalid_attributed_touch_time',
                    not {{ is_plausible("touch_at") }},
                    'implausible_attributed_touch_time',
                    null
                ) as reject_reason,
                {{ day_of("installed_at") }} as event_date,
                told_arrival as arrived_at,
                {{
                    unread(
                        [
                            ("gp_install_begin", "install_begin_at is not null"),
                            ("device_download_time", "download_at is not null"),
                            ("gp_click_time", "play_click_at is not null"),
                            ("contributor1_touch_time", "contributor_at is not null"),
                            ("ip", "ip_read is not null"),
                            ("wifi", "is_on_wifi is not null"),
                            ("country_code", "country is not null"),
                        ],
                        numbers=[("af_cost_value", "payout is not null")],
                    )
                }} as unread_values,
                _load_id as load_id,
                _source_file as source_file,
                _source_row as source_row
            from typed
        )

    select *
    from renamed
{% endmacro %}
