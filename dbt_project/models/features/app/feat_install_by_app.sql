{{
    config(
        engine=table_engine(),
        order_by="(event_at, install_id)",
    )
}}
{{
    window_features(
        subjects=ref("installs"),
        subject_id="install_id",
        entity="app",
        keys=["app_id"],
        windows=["1d", "7d"],
        columns=["ctit_seconds", "is_organic"],
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
            {"measure": "organic_share", "aggregate": "share", "of": "is_organic", "windows": ["7d"]},
        ],
    )
}}
