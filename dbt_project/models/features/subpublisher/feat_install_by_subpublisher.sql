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
        entity="subpublisher",
        keys=["publisher", "subpublisher"],
        windows=["1d", "7d"],
        columns=[
            "ctit_seconds",
            "began_at",
            "touched_at",
            "contributors",
            "device_hash",
            "ip_subnet",
            "device_model",
        ],
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
            {"measure": "devices", "aggregate": "count_distinct", "of": "device_hash", "windows": ["7d"]},
            {"measure": "subnets", "aggregate": "count_distinct", "of": "ip_subnet", "windows": ["7d"]},
            {
                "measure": "device_models",
                "aggregate": "count_distinct",
                "of": "device_model",
                "windows": ["7d"],
            },
        ],
    )
}}
