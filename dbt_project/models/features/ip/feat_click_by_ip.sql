{{
    window_features(
        subjects="clicks",
        subject_id="click_id",
        entity="ip",
        keys=["ip_hash"],
        windows=["1m", "10m", "1h", "1d"],
        columns=["app_id", "publisher", "device_model", "os_version"],
        aggregates=[
            {"measure": "clicks", "aggregate": "count"},
            {"measure": "apps", "aggregate": "count_distinct", "of": "app_id", "windows": ["1h", "1d"]},
            {
                "measure": "publishers",
                "aggregate": "count_distinct",
                "of": "publisher",
                "windows": ["1h", "1d"],
            },
            {
                "measure": "device_models",
                "aggregate": "count_distinct",
                "of": "device_model",
                "windows": ["1d"],
            },
            {
                "measure": "os_versions",
                "aggregate": "count_distinct",
                "of": "os_version",
                "windows": ["1d"],
            },
            {
                "measure": "hour_deviation",
                "aggregate": "standard_deviation",
                "of": "toHour(fromUnixTimestamp64Milli(at_ms, 'UTC'))",
                "whole": true,
                "windows": ["1d"],
            },
            {"measure": "seconds_since_click", "aggregate": "seconds_since_last", "windows": ["1d"]},
        ],
    )
}}
