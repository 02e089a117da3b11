{{
    config(
        engine=table_engine(),
        order_by="(event_at, click_id)",
    )
}}
{{
    window_features(
        subjects=ref("clicks"),
        subject_id="click_id",
        entity="subpublisher",
        keys=["publisher", "subpublisher"],
        windows=["1m", "10m", "1h", "1d"],
        aggregates=[
            {"measure": "clicks", "aggregate": "count"},
            {"measure": "seconds_since_click", "aggregate": "seconds_since_last", "windows": ["1d"]},
        ],
    )
}}
