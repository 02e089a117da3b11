{{
    window_features(
        subjects="clicks",
        subject_id="click_id",
        entity="ip_device_os",
        keys=["ip_hash", "device_model", "os_version"],
        windows=["1m", "10m", "1h", "1d"],
        columns=["app_id", "publisher"],
        aggregates=[
            {"measure": "clicks", "aggregate": "count"},
            {"measure": "apps", "aggregate": "count_distinct", "of": "app_id", "windows": ["1h", "1d"]},
            {"measure": "publishers", "aggregate": "count_distinct", "of": "publisher", "windows": ["1d"]},
            {"measure": "seconds_since_click", "aggregate": "seconds_since_last", "windows": ["1d"]},
        ],
    )
}}
