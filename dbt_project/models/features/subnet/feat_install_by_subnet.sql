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
        entity="subnet",
        keys=["ip_subnet"],
        windows=["1h", "1d", "7d"],
        columns=["device_hash", "device_model", "publisher"],
        aggregates=[
            {"measure": "installs", "aggregate": "count"},
            {
                "measure": "devices",
                "aggregate": "count_distinct",
                "of": "device_hash",
                "windows": ["1d", "7d"],
            },
            {
                "measure": "device_models",
                "aggregate": "count_distinct",
                "of": "device_model",
                "windows": ["7d"],
            },
            {"measure": "publishers", "aggregate": "count_distinct", "of": "publisher", "windows": ["7d"]},
        ],
    )
}}
