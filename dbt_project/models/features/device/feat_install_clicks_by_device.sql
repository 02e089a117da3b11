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
        events=ref("clicks"),
        entity="device",
        keys=["device_hash"],
        windows=["1h", "1d", "7d"],
        columns=["publisher"],
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
        ],
    )
}}
