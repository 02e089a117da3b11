{{
    after_features(
        subjects="clicks",
        subject_id="click_id",
        entity="ip_app",
        keys=["ip_hash", "app_id"],
        windows=["1h", "1d"],
        aggregates=[
            {"measure": "later_clicks", "aggregate": "count"},
            {"measure": "seconds_to_next_click", "aggregate": "seconds_since_last", "windows": ["1d"]},
        ],
    )
}}
