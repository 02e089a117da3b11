{{
    config(
        engine=table_engine(),
        order_by="(event_at, click_id)",
    )
}}
{{
    feature_set(
        "clicks",
        where="source = 'talkingdata'",
        features=[
            "feat_click_attributes",
            "feat_click_by_ip",
            "feat_click_by_ip_app",
            "feat_click_by_ip_device_os",
            "feat_click_by_publisher",
            "feat_click_by_same_click",
            "feat_click_conversions_by_app",
            "feat_click_conversions_by_publisher",
            "feat_click_conversions_by_app_publisher",
            "feat_click_conversions_by_os",
        ],
    )
}}
