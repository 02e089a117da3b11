{{
    window_features(
        subjects="clicks",
        subject_id="click_id",
        entity="ip_app",
        keys=["ip_hash", "app_id"],
        windows=["1m", "10m", "1h", "1d"],
        columns=["publisher"],
        aggregates=[
            {"measure": "clicks", "aggregate": "count"},
            {"measure": "publishers", "aggregate": "count_distinct", "of": "publisher", "windows": ["1d"]},
            {"measure": "seconds_since_click", "aggregate": "seconds_since_last", "windows": ["1d"]},
        ],
    )
}}
