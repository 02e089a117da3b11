-- What a reading of raw before this one called an install and its site: an install was known to the
-- millisecond, and a site by a key that two could have. Read once, by the store that was made with it.
{%- set zones = load_timezones("appsflyer") -%}
{% for report in ["installs", "blocked_installs"] %}
    select
        {{ appsflyer_install_id() }} as install_id,
        {{ appsflyer_former_install_id() }} as former_install_id,
        toDate(install_read) as event_date,
        publisher,
        coalesce(subpublisher, '') as site,
        af_siteid || if(af_sub_siteid = '', '', '/' || af_sub_siteid) as former_site
    from
        (
            select *, {{ utc_time("install_time", zones) }} as install_read, {{ appsflyer_context() }}
            from ({{ committed(source("appsflyer", "appsflyer__" ~ report)) }})
        )
    where {{ is_plausible("install_read") }} {{ "union all" if not loop.last }}
{% endfor %}
