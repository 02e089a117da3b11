{{
    window_features(
        subjects="installs",
        subject_id="install_id",
        events="clicks",
        entity="publisher",
        keys=["publisher"],
        windows=["1h", "1d"],
        aggregates=[
            {"measure": "install_clicks", "aggregate": "count"},
        ],
    )
}}
