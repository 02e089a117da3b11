{{
    window_features(
        subjects="install_traits",
        subject_id="install_id",
        entity="subnet",
        keys=["ip_subnet"],
        windows=["1h", "1d", "7d"],
        columns=["device_hash", "device_model", "publisher", "is_new_device", "is_organic"],
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
            {"measure": "new_device_share", "aggregate": "share", "of": "is_new_device", "windows": ["7d"]},
            {
                "measure": "device_model_entropy",
                "aggregate": "entropy",
                "of": "device_model",
                "windows": ["7d"],
            },
            {"measure": "organic_share", "aggregate": "share", "of": "is_organic", "windows": ["7d"]},
        ],
    )
}}
