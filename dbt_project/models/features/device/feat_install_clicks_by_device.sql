{{
    window_features(
        subjects="installs",
        subject_id="install_id",
        events="clicks",
        entity="device",
        keys=["device_hash"],
        windows=["1h", "1d", "7d"],
        columns=["app_id", "publisher"],
        aggregates=[
            {"measure": "clicks", "aggregate": "count"},
            {
                "measure": "click_publishers",
                "aggregate": "count_distinct",
                "of": "publisher",
                "windows": ["1d", "7d"],
            },
            {"measure": "is_new_to_clicks", "aggregate": "is_first_seen", "windows": ["7d"]},
            {"measure": "seconds_since_click", "aggregate": "seconds_since_last", "windows": ["7d"]},
            {
                "measure": "click_apps",
                "aggregate": "count_distinct",
                "of": "app_id",
                "windows": ["1d", "7d"],
            },
            {
                "measure": "click_second_ratio",
                "aggregate": "distinct_ratio",
                "of": "intDiv(at_ms, 1000)",
                "windows": ["7d"],
            },
            {"measure": "click_gap_variation", "aggregate": "gap_variation", "windows": ["7d"]},
            {
                "measure": "last_32_click_seconds",
                "aggregate": "last_k_seconds",
                "k": 32,
                "type": "Float32",
                "windows": ["7d"],
            },
            {
                "measure": "last_32_click_app_code",
                "aggregate": "last_k",
                "of": "cityHash64(app_id) % 64",
                "k": 32,
                "type": "Float32",
                "windows": ["7d"],
            },
            {
                "measure": "last_32_click_publisher_code",
                "aggregate": "last_k",
                "of": "cityHash64(publisher) % 64",
                "k": 32,
                "type": "Float32",
                "windows": ["7d"],
            },
        ],
    )
}}
