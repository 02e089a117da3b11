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
        entity="device",
        keys=["device_hash"],
        windows=["1d", "7d"],
        aggregates=[
            {"measure": "installs", "aggregate": "count"},
            {"measure": "is_new_to_installs", "aggregate": "is_first_seen", "windows": ["7d"]},
        ],
    )
}}
