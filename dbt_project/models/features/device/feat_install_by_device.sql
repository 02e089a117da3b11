{{
    window_features(
        subjects="installs",
        subject_id="install_id",
        entity="device",
        keys=["device_hash"],
        windows=["1d", "7d", "30d"],
        columns=["app_id"],
        aggregates=[
            {"measure": "installs", "aggregate": "count", "windows": ["1d", "7d"]},
            {"measure": "is_new_to_installs", "aggregate": "is_first_seen", "windows": ["7d"]},
            {"measure": "is_new", "aggregate": "is_first_seen", "windows": ["30d"]},
            {"measure": "install_apps", "aggregate": "count_distinct", "of": "app_id", "windows": ["30d"]},
            {"measure": "seconds_since_install", "aggregate": "seconds_since_last", "windows": ["30d"]},
        ],
    )
}}
