{{
    config(
        engine=table_engine(),
        order_by="(event_at, install_id)",
    )
}}
{%- set days = days_to_build(
    [
        {"from": ref("feat_install_by_subpublisher")},
        {"from": ref("feat_install_by_app"), "defines_days": 0},
        {"from": ref("feat_install_clicks_by_subpublisher"), "defines_days": 0},
    ]
) %}

with

    both as (
        select *
        from {{ ref("feat_install_by_subpublisher") }} as own
        inner join
            (
                select * except (event_at, event_date)
                from {{ ref("feat_install_by_app") }}
                where {{ in_days(days) }}
            ) as app using (install_id)
        inner join
            (
                select * except (event_at, event_date)
                from {{ ref("feat_install_clicks_by_subpublisher") }}
                where {{ in_days(days) }}
            ) as clicks using (install_id)
        where {{ in_days(days) }}
    )

select
    install_id,
    event_at,
    event_date,
    {%- for share in ["ctit_under_10s_share", "ctit_over_1h_share", "new_device_share", "assisted_share"] %}
        subpublisher__{{ share }}_7d - app__{{ share }}_7d as subpublisher__{{ share }}_excess_7d,
    {%- endfor %}
    subpublisher__ctit_entropy_7d - app__ctit_entropy_7d as subpublisher__ctit_entropy_excess_7d,
    if(
        subpublisher__install_clicks_7d = 0, null, subpublisher__installs_7d / subpublisher__install_clicks_7d
    ) as subpublisher__installs_per_click_7d
from both
