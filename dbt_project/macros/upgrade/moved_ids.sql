{#
    What `former` calls otherwise, as far as core holds it under its new name and no more under the old:
    rows of kind, publisher, former, current.
#}
{% macro moved_ids(former) %}
    with

        former_ids as (select * from {{ former }}),

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
    from former_ids
    where
        install_id != former_install_id
        and install_id in (select install_id from {{ this }})
        and former_install_id not in (select install_id from {{ this }})
    union all
    select distinct
        'subpublisher_day',
        publisher,
        toString({{ subject_id("day", ["publisher", "former_site", "toString(event_date + 1)"]) }}),
        toString({{ subject_id("day", ["publisher", "site", "toString(event_date + 1)"]) }})
    from former_ids
    where
        site != former_site
        and (publisher, event_date, site) in (select publisher, event_date, site from sites)
        and (publisher, event_date, former_site) not in (select publisher, event_date, site from sites)
    union all
    select distinct 'subpublisher', publisher, former_site, site
    from former_ids
    where site != former_site and site != '' and (publisher, site) in (select publisher, site from sites)
{% endmacro %}


{# Scored clicks that core has under another id than they were scored by: kind, publisher, former, current. #}
{% macro moved_clicks(moved, former, scores) %}
    with

        scored as (
            select former_click_id as former, min(click_id) as current
            from {{ former }}
            where
                click_id != former_click_id
                and former_click_id in (select subject_id from {{ scores }} where subject = 'click')
            group by former_click_id
        ),

        held as (
            select click_id
            from {{ this }}
            where click_id in (select current from scored) or click_id in (select former from scored)
        )

    select 'click' as kind, '' as publisher, toString(former) as former_id, toString(current) as current_id
    from scored
    where
        current in (select click_id from held)
        and former not in (select click_id from held)
        and toString(former) not in (select former from {{ moved }} where kind = 'click')
{% endmacro %}
