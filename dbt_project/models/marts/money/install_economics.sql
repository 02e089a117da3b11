{{ config(materialized="view") }}
-- The most precise row in force says each amount: app and network, app, network, every one.
with

    keys as (
        select distinct
            event_date,
            app_id,
            publisher,
            arrayJoin([toString(app_id), '*']) as app_said,
            arrayJoin([toString(publisher), '*']) as network_said
        from {{ ref("installs") }}
    ),

    said as (
        select
            keys.event_date as event_date,
            keys.app_id as app_id,
            keys.publisher as publisher,
            (app_said != '*', network_said != '*', economics.valid_from) as precision,
            economics.payout as payout_said,
            economics.currency as currency_said,
            economics.dispute_cost as dispute_said,
            economics.review_cost as review_said
        from keys
        inner join
            {{ ref("economics") }} as economics
            on economics.app_id = keys.app_said
            and economics.network = keys.network_said
        where economics.valid_from <= keys.event_date
    )

select
    event_date,
    app_id,
    publisher,
    argMax(payout_said, precision) as payout,
    argMax(currency_said, precision) as currency,
    argMax(dispute_said, precision) as dispute_cost,
    argMax(review_said, precision) as review_cost
from said
group by event_date, app_id, publisher
