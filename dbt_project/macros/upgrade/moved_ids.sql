{#
    What a later reading of raw calls otherwise, as far as core holds it under its new name and no more
    under the old: rows of kind, publisher, former, current. An install is known by its second now, a
    sub-publisher by a key that no other one has.
#}
{% macro moved_ids() %}
    with

        raw_installs as (
            {% for report in ["installs", "blocked_installs"] -%}
                select
                    {{ appsflyer_install_id() }} as install_id,
                    {{ appsflyer_former_install_id() }} as former_install_id,
                    toDate(install_read) as day,
                    publisher,
                    coalesce(subpublisher, '') as site,
                    af_siteid || if(af_sub_siteid = '', '', '/' || af_sub_siteid) as former_site
                from
                    (
                        select
                            *,
                            {{ utc_time("install_time", load_timezones("appsflyer")) }} as install_read,
                            {{ appsflyer_context() }}
                        from ({{ committed(source("appsflyer", "appsflyer__" ~ report)) }})
                    )
                where {{ is_plausible("install_read") }} {{- " union all " if not loop.last }}
            {%- endfor %}
        ),

        sites as (
            select publisher, event_date, toString(coalesce(subpublisher, '')) as site
            from {{ this }}
            group by publisher, event_date, site
        )

    select distinct
        'install' as kind,
        '' as publisher,
        toString(former_install_id) as former,
        toString(install_id) as current
    from raw_installs
    where
        install_id != former_install_id
        and install_id in (select install_id from {{ this }})
        and former_install_id not in (select install_id from {{ this }})
    union all
    select distinct
        'subpublisher_day',
        publisher,
        toString({{ subject_id("day", ["publisher", "former_site", "toString(day + 1)"]) }}),
        toString({{ subject_id("day", ["publisher", "site", "toString(day + 1)"]) }})
    from raw_installs
    where
        site != former_site
        and (publisher, day, site) in (select publisher, event_date, site from sites)
        and (publisher, day, former_site) not in (select publisher, event_date, site from sites)
    union all
    select distinct 'subpublisher', publisher, former_site, site
    from raw_installs
    where site != former_site and site != '' and (publisher, site) in (select publisher, site from sites)
{% endmacro %}
