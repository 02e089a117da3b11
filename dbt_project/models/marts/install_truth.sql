{{ config(materialized="view") }}
-- Hidden truth of a simulated world, for evaluation alone.
select
    {{ appsflyer_install_id("parseDateTime64BestEffortOrNull(install_time, 3, 'UTC')") }} as install_id,
    attack,
    actor
from {{ source("ml", "truth") }}
where _load_id in (select load_id from {{ source("loads", "loads") }})
