{{
    window_features(
        subjects="clicks",
        subject_id="click_id",
        entity="same_click",
        keys=["ip_hash", "app_id", "device_model", "os_version", "publisher"],
        windows=["1d"],
        aggregates=[
            {"measure": "clicks", "aggregate": "count"},
            {"measure": "seconds_since_click", "aggregate": "seconds_since_last"},
        ],
    )
}}
