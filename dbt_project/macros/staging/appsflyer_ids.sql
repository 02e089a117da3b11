{#
    An install is the same one in every report by app, AppsFlyer id and second: some exports tell
    milliseconds and others do not. `read` is its time as `utc_time` reads it.
#}
{% macro appsflyer_install_id(read="install_read") -%}
    {{
        install_id_of(
            "ifNull(" ~ clean_text("app_id") ~ ", '')",
            trimmed("appsflyer_id"),
            "toStartOfSecond(" ~ or_epoch(read) ~ ")",
        )
    }}
{%- endmacro %}

{# What it was before: to the millisecond, by app and id as the text stood. #}
{% macro appsflyer_former_install_id(read="install_read") -%}
    {{ install_id_of("app_id", "appsflyer_id", or_epoch(read)) }}
{%- endmacro %}

{% macro install_id_of(app, id, time) -%}
    {{ subject_id("appsflyer", [app, id, "toString(toUnixTimestamp64Milli(" ~ time ~ "))"]) }}
{%- endmacro %}

{#
    A time in an identity: the instant, so that a click or event told in two zones is one, written as
    exports in UTC write it. Of the second's fraction `fraction` is what is kept of the text.
#}
{% macro instant_text(read, fraction="''") -%}
    if({{ read }} is null, '', formatDateTime(assumeNotNull({{ read }}), '%F %T') || {{ fraction }})
{%- endmacro %}

{# Clicks carry no id: rows alike in all of these, at the same instant, are postbacks of the same click. #}
{% macro appsflyer_click_id(read="clicked_at") -%}
    {{
        subject_id(
            "appsflyer",
            [
                instant_text(
                    read,
                    "replaceRegexpOne(extract(attributed_touch_time, '[.][0-9]+'), '[.]?0*$', '')",
                ),
                or_empty("attributed_touch_type"),
                or_empty("app_id"),
                or_empty("media_source"),
                "site",
                "sub_site",
                or_empty("campaign"),
                or_empty("af_c_id"),
                or_empty("af_adset_id"),
                or_empty("af_ad_id"),
                or_empty("af_sub1"),
                "if(ip_read is null, " ~ or_empty("ip") ~ ", ifNull(ip_spelled, ''))",
                or_empty("user_agent"),
                or_empty_id("advertising_id"),
                or_empty_id("idfa"),
                or_empty_id("oaid"),
                or_empty_id("android_id"),
                or_empty("original_url"),
            ],
        )
    }}
{%- endmacro %}

{# What it was before: by texts as they stood. #}
{% macro appsflyer_former_click_id() -%}
    {{
        subject_id(
            "appsflyer",
            [
                "attributed_touch_time",
                "attributed_touch_type",
                "app_id",
                "media_source",
                "af_siteid",
                "af_sub_siteid",
                "campaign",
                "af_c_id",
                "af_adset_id",
                "af_ad_id",
                "af_sub1",
                "ip",
                "user_agent",
                "advertising_id",
                "idfa",
                "oaid",
                "android_id",
                "original_url",
            ],
        )
    }}
{%- endmacro %}

{# The same of a device id. #}
{% macro or_empty_id(text) -%} if({{ clean_device_id(text) }} is null, '', {{ text }}) {%- endmacro %}

{# A text in an identity: empty where it says nothing. #}
{% macro or_empty(text) -%} if({{ says_nothing(text) }}, '', {{ text }}) {%- endmacro %}

{% macro or_epoch(time) -%} assumeNotNull(coalesce({{ time }}, toDateTime64(0, 3, 'UTC'))) {%- endmacro %}
