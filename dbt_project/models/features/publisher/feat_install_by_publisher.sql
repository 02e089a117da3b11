{{
    window_features(
        subjects="installs",
        subject_id="install_id",
        entity="publisher",
        keys=["publisher"],
        windows=["1d", "7d"],
        columns=["ctit_seconds", "began_at", "touched_at", "contributors"],
        aggregates=[
            {"measure": "installs", "aggregate": "count"},
            {"measure": "ctit_under_10s_share", "aggregate": "share", "of": "ctit_seconds < 10"},
            {"measure": "ctit_over_1h_share", "aggregate": "share", "of": "ctit_seconds > 3600"},
            {
                "measure": "begun_before_click_share",
                "aggregate": "share",
                "of": "began_at < touched_at",
                "windows": ["7d"],
            },
            {
                "measure": "assisted_share",
                "aggregate": "share",
                "of": "contributors > 0",
                "windows": ["7d"],
            },
            {"measure": "seconds_since_install", "aggregate": "seconds_since_last", "windows": ["7d"]},
        ],
    )
}}
