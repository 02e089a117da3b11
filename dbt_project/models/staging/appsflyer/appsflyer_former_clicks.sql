-- What a reading of raw before this one called a click: its texts as they stood. Read once, by the store that
-- was made with it.
{% set zones = load_timezones("appsflyer") -%}
select {{ appsflyer_click_id() }} as click_id, {{ appsflyer_former_click_id() }} as former_click_id
from
    (
        select *, {{ utc_time("attributed_touch_time", zones) }} as clicked_at, {{ appsflyer_context() }}
        from ({{ committed(source("appsflyer", "appsflyer__clicks")) }})
    )
where {{ is_plausible("clicked_at") }}
