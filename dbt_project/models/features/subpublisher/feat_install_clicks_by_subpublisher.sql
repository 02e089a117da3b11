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
        entity="subpublisher",
        keys=["publisher", "subpublisher"],
        windows=["1h", "1d", "7d"],
        aggregates=[
            {"measure": "install_clicks", "aggregate": "count"},
        ],
    )
}}
