{{
    window_features(
        subjects="install_traits",
        subject_id="install_id",
        entity="app",
        keys=["app_id"],
        windows=["1d", "7d"],
        columns=["ctit_seconds", "ctit_bin", "is_organic", "is_new_device", "contributors"],
        aggregates=[
            {"measure": "installs", "aggregate": "count"},
            {
                "measure": "ctit_under_10s_share",
                "aggregate": "share",
                "of": "ctit_seconds < 10",
                "windows": ["7d"],
            },
            {
                "measure": "ctit_over_1h_share",
                "aggregate": "share",
                "of": "ctit_seconds > 3600",
                "windows": ["7d"],
            },
            {"measure": "ctit_entropy", "aggregate": "entropy", "of": "ctit_bin", "windows": ["7d"]},
            {"measure": "new_device_share", "aggregate": "share", "of": "is_new_device", "windows": ["7d"]},
            {
                "measure": "assisted_share",
                "aggregate": "share",
                "of": "contributors > 0",
                "windows": ["7d"],
            },
            {"measure": "organic_share", "aggregate": "share", "of": "is_organic", "windows": ["7d"]},
        ],
    )
}}
