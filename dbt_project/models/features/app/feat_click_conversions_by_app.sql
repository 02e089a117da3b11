{{
    window_features(
        subjects="clicks",
        subject_id="click_id",
        events="click_label_changes",
        entity="app",
        keys=["app_id"],
        windows=["3d"],
        columns=["n", "positives"],
        aggregates=[
            {
                "measure": "conversion_rate",
                "aggregate": "smoothed_rate",
                "of": "positives",
                "over": "n",
                "whole": true,
                "prior": 0.002,
                "weight": 100,
            },
        ],
    )
}}
