{{
    window_features(
        subjects="installs",
        subject_id="install_id",
        events="install_label_changes",
        entity="subpublisher",
        keys=["publisher", "subpublisher"],
        windows=["14d"],
        columns=["n", "positives"],
        aggregates=[
            {"measure": "verdict_changes", "aggregate": "count"},
            {
                "measure": "fraud_rate",
                "aggregate": "smoothed_rate",
                "of": "positives",
                "over": "n",
                "whole": true,
                "prior": 0.1,
                "weight": 20,
            },
        ],
    )
}}
