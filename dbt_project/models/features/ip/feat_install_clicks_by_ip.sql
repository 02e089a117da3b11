{{
    window_features(
        subjects="installs",
        subject_id="install_id",
        events="clicks",
        entity="ip",
        keys=["ip_hash"],
        windows=["1h", "1d"],
        columns=["app_id", "publisher"],
        aggregates=[
            {"measure": "install_clicks", "aggregate": "count"},
            {
                "measure": "last_32_click_seconds",
                "aggregate": "last_k_seconds",
                "k": 32,
                "type": "Float32",
                "windows": ["1d"],
            },
            {
                "measure": "last_32_click_app_code",
                "aggregate": "last_k",
                "of": "cityHash64(app_id) % 64",
                "k": 32,
                "type": "Float32",
                "windows": ["1d"],
            },
            {
                "measure": "last_32_click_publisher_code",
                "aggregate": "last_k",
                "of": "cityHash64(publisher) % 64",
                "k": 32,
                "type": "Float32",
                "windows": ["1d"],
            },
        ],
    )
}}
