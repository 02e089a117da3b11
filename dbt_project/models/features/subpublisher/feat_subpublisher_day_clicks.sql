{{
    window_features(
        subjects="subpublisher_days",
        subject_id="subpublisher_day_id",
        events="clicks",
        entity="subpublisher",
        keys=["publisher", "subpublisher"],
        windows=["1d", "7d"],
        columns=["device_hash", "ip_hash"],
        aggregates=[
            {"measure": "day_clicks", "aggregate": "count"},
            {"measure": "day_click_device_ratio", "aggregate": "distinct_ratio", "of": "device_hash"},
            {"measure": "day_click_ip_ratio", "aggregate": "distinct_ratio", "of": "ip_hash"},
        ],
    )
}}
