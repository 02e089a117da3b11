{{
    config(
        engine=table_engine(),
        order_by="(event_at, click_id)",
    )
}}
{{
    label_changes(
        "clicks",
        subject="click",
        target="is_attributed",
        maturity_days=1,
        keys=["app_id", "publisher", "os_version"],
        where="subjects.source = 'talkingdata'",
    )
}}
