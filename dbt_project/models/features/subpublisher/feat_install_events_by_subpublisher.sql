{{
    window_features(
        subjects="installs",
        subject_id="install_id",
        events="install_events",
        entity="subpublisher",
        keys=["publisher", "subpublisher"],
        windows=["14d"],
        columns=["event_name", "is_paid", "seconds_since_install"],
        aggregates=[
            {"measure": "events", "aggregate": "count"},
            {"measure": "paid_events", "aggregate": "count", "where": "is_paid"},
            {"measure": "event_entropy", "aggregate": "entropy", "of": "event_name"},
            {
                "measure": "first_day_event_share",
                "aggregate": "share",
                "of": "seconds_since_install < 86400",
            },
            {
                "measure": "paid_log_seconds_deviation",
                "aggregate": "standard_deviation",
                "of": "log(1 + seconds_since_install)",
                "where": "is_paid",
            },
            {
                "measure": "first_event_log_seconds_deviation",
                "aggregate": "standard_deviation",
                "of": "log(1 + seconds_since_install)",
                "where": "seconds_since_install < 600",
            },
        ],
    )
}}
