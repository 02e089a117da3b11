{{
    config(
        engine=table_engine(),
        order_by="(event_at, subpublisher_day_id)",
    )
}}
{{
    feature_set(
        "subpublisher_days",
        labels="subpublisher_day_labels",
        features=["feat_subpublisher_day_by_subpublisher", "feat_subpublisher_day_clicks"],
    )
}}
