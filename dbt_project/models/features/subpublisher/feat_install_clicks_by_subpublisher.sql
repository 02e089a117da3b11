{{
    window_features(
        subjects="installs",
        subject_id="install_id",
        events="clicks",
        entity="subpublisher",
        keys=["publisher", "subpublisher"],
        windows=["1h", "1d", "7d"],
        aggregates=[
            {"measure": "install_clicks", "aggregate": "count"},
        ],
    )
}}
