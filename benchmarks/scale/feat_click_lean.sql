{#
    Thirty features of a click by its address, and by the address with the app, the publisher or the
    device, in one model: for traffic where fs_click, with a table for each entity, takes too long.
#}
{{ config(contract={"enforced": false}) }}
{%- set of_clicks = [
    {"measure": "clicks", "aggregate": "count"},
    {"measure": "seconds_since_click", "aggregate": "seconds_since_last", "windows": ["1d"]},
    {"measure": "is_new", "aggregate": "is_first_seen", "windows": ["1d"]},
] -%}
{{
    window_features(
        subjects="clicks",
        subject_id="click_id",
        entity="ip",
        keys=["ip_hash"],
        windows=["1m", "10m", "1h", "1d"],
        columns=["app_id", "publisher"],
        aggregates=of_clicks
        + [
            {
                "measure": "apps",
                "aggregate": "count_distinct",
                "of": "app_id",
                "windows": ["10m", "1h", "1d"],
            },
            {
                "measure": "publishers",
                "aggregate": "count_distinct",
                "of": "publisher",
                "windows": ["10m", "1h", "1d"],
            },
        ],
        finer=[
            {"entity": "ip_app", "keys": ["app_id"], "aggregates": of_clicks},
            {"entity": "ip_publisher", "keys": ["publisher"], "aggregates": of_clicks},
            {"entity": "ip_device_os", "keys": ["device_model", "os_version"], "aggregates": of_clicks},
        ],
    )
}}
