{{
    config(
        engine=table_engine(),
        order_by="(event_at, install_id)",
    )
}}
{{
    label_changes(
        "installs",
        subject="install",
        target="is_fraud",
        maturity_days=7,
        keys=["publisher", "subpublisher"],
    )
}}
