{{
    window_features(
        subjects="clicks",
        subject_id="click_id",
        entity="publisher",
        keys=["publisher"],
        windows=["1m", "10m", "1h", "1d"],
        aggregates=[
            {"measure": "clicks", "aggregate": "count"},
            {"measure": "seconds_since_click", "aggregate": "seconds_since_last", "windows": ["1d"]},
        ],
    )
}}
