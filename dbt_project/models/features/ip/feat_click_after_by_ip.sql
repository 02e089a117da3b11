{{
    after_features(
        subjects="clicks",
        subject_id="click_id",
        entity="ip",
        keys=["ip_hash"],
        windows=["1h", "1d"],
        columns=["app_id"],
        aggregates=[
            {"measure": "later_clicks", "aggregate": "count"},
            {"measure": "later_apps", "aggregate": "count_distinct", "of": "app_id", "windows": ["1d"]},
            {"measure": "seconds_to_next_click", "aggregate": "seconds_since_last", "windows": ["1d"]},
        ],
    )
}}
