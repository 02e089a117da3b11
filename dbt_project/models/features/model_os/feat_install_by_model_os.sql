{{
    window_features(
        subjects="installs",
        subject_id="install_id",
        entity="model_os",
        keys=["device_model", "os_version"],
        windows=["30d"],
        columns=["publisher", "is_organic"],
        aggregates=[
            {"measure": "installs", "aggregate": "count"},
            {"measure": "organic_share", "aggregate": "share", "of": "is_organic"},
        ],
    )
}}
