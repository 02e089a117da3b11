{# Columns that AppsFlyer's reports share, cleaned. One place, since five reports carry them. #}
{% macro appsflyer_context() %}
    {{ clean_text("app_id") }} as clean_app_id,
    coalesce({{ clean_text("media_source") }}, 'organic') as publisher,
    nullIf(af_siteid || if(af_sub_siteid = '', '', '/' || af_sub_siteid), '') as subpublisher,
    {{ clean_text("campaign") }} as clean_campaign,
    {{ hashed("ip") }} as ip_hash,
    {{ subnet("ip") }} as ip_subnet,
    {{ hashed(appsflyer_device_id()) }} as device_hash,
    {{ clean_text("device_model") }} as clean_device_model,
    {{ clean_version("os_version") }} as clean_os_version,
    {{ clean_text("platform") }} as clean_platform,
    {{ clean_country("country_code") }} as country,
    {{ clean_text("if(carrier = '', operator, carrier)") }} as clean_carrier
{% endmacro %}


{# The first id a row has: advertising id, IDFA, OAID, Android id, IDFV. #}
{% macro appsflyer_device_id() -%}
    coalesce(
        {% for id in ["advertising_id", "idfa", "oaid", "android_id", "idfv"] -%}
            {{ clean_device_id(id) }}{{ ', ' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}


{# An install is the same one in every report by app, AppsFlyer id and install time. #}
{% macro appsflyer_install_id(app_id="app_id", appsflyer_id="appsflyer_id", installed_at="installed_at") -%}
    {{
        subject_id(
            "appsflyer",
            [
                app_id,
                appsflyer_id,
                "toString(toUnixTimestamp64Milli(assumeNotNull(coalesce("
                ~ installed_at
                ~ ", toDateTime64(0, 3, 'UTC'))))) ",
            ],
        )
    }}
{%- endmacro %}


{# Rows of `installs` or `blocked_installs`, typed and renamed. #}
{% macro appsflyer_installs(relation, is_blocked) %}
    {%- set zones = load_timezones("appsflyer") -%}
    with

        source as ({{ committed(relation) }}),

        typed as (
            select
                *,
                {{ utc_time("install_time", zones) }} as installed_at,
                {{ utc_time("attributed_touch_time", zones) }} as touch_at,
                {{ utc_time("gp_install_begin", zones) }} as install_begin_at,
                {{ utc_time("device_download_time", zones) }} as download_at,
                {{ utc_time("gp_click_time", zones) }} as play_click_at,
                {{ utc_time("contributor1_touch_time", zones) }} as contributor_at,
                {{ appsflyer_context() }}
            from source
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
                toUInt8(lower(store_reinstall) in ('true', '1')) as is_reinstall,
                toUInt8(
                    (contributor1_touch_time != '')
                    + (contributor2_touch_time != '')
                    + (contributor3_touch_time != '')
                ) as contributors,
                play_click_at as play_clicked_at,
                contributor_at as assisted_at,
                {{ clean_text("contributor1_media_source") }} as assisted_by,
                -- The referrer that Google Play hands on names the campaign whose link was followed.
                if(
                    gp_referrer = '' or campaign = '',
                    null,
                    toUInt8(position(lower(gp_referrer), lower(trimBoth(campaign))) = 0)
                ) as is_referrer_other,
                if(wifi = '', null, toUInt8(lower(wifi) in ('true', '1'))) as is_on_wifi,
                {{ clean_text("install_app_store") }} as store_name,
                toUInt8(
                    (device_model = '')
                    + (os_version = '')
                    + (carrier = '' and operator = '')
                    + (language = '')
                    + (app_version = '')
                    + (sdk_version = '')
                    + (install_app_store = '' and lower(platform) = 'android')
                ) as missing_fields,
                toFloat64OrNull(af_cost_value) as payout,
                {{ clean_currency("af_cost_currency") }} as payout_currency,
                toUInt8({{ 1 if is_blocked else 0 }}) as is_blocked,
                {{ "trimBoth(blocked_reason || ' ' || blocked_sub_reason)" if is_blocked else "''" }}
                as fraud_reason_text,
                multiIf(
                    installed_at is null,
                    'invalid_install_time',
                    app is null,
                    'missing_app_id',
                    appsflyer_id = '',
                    'missing_appsflyer_id',
                    attributed_touch_time != '' and touch_at is null,
                    'invalid_attributed_touch_time',
                    null
                ) as reject_reason,
                {{ day_of("installed_at") }} as event_date,
                {{ arrived_at() }} as arrived_at,
                _load_id as load_id,
                _source_file as source_file,
                _source_row as source_row
            from typed
        )

    select *
    from renamed
{% endmacro %}
