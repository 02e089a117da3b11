{{
    window_features(
        subjects="installs",
        subject_id="install_id",
        entity="sdk_version",
        keys=["sdk_version"],
        windows=["30d"],
        columns=["publisher", "app_id"],
        aggregates=[
            {"measure": "installs", "aggregate": "count"},
            {"measure": "apps", "aggregate": "count_distinct", "of": "app_id"},
            {"measure": "publishers", "aggregate": "count_distinct", "of": "publisher"},
        ],
    )
}}
