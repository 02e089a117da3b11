{{
    window_features(
        subjects="installs",
        subject_id="install_id",
        entity="ip",
        keys=["ip_hash"],
        windows=["1h", "1d", "7d"],
        columns=["app_id"],
        aggregates=[
            {"measure": "installs", "aggregate": "count"},
            {
                "measure": "install_apps",
                "aggregate": "count_distinct",
                "of": "app_id",
                "windows": ["1d", "7d"],
            },
            {"measure": "seconds_since_install", "aggregate": "seconds_since_last", "windows": ["7d"]},
        ],
    )
}}
