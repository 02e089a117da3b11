{{
    config(
        engine=table_engine(),
        order_by="(event_at, click_id)",
    )
}}
{{
    window_features(
        subjects=ref("clicks"),
        subject_id="click_id",
        events=ref("click_label_changes"),
        entity="publisher",
        keys=["publisher"],
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
