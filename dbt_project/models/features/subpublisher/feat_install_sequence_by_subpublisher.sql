{{
    config(
        engine=table_engine(),
        order_by="(event_at, install_id)",
    )
}}
{{
    window_features(
        subjects=ref("installs"),
        subject_id="install_id",
        entity="subpublisher",
        keys=["publisher", "subpublisher"],
        windows=["7d"],
        columns=["ctit_seconds", "app_id", "device_model", "contributors"],
        aggregates=[
            {"measure": "last_32_seconds", "aggregate": "last_k_seconds", "k": 32, "type": "Float32"},
            {
                "measure": "last_32_ctit_seconds",
                "aggregate": "last_k",
                "of": "ctit_seconds",
                "k": 32,
                "type": "Float32",
            },
            {
                "measure": "last_32_app_code",
                "aggregate": "last_k",
                "of": "cityHash64(app_id) % 64",
                "k": 32,
                "type": "Float32",
            },
            {
                "measure": "last_32_device_model_code",
                "aggregate": "last_k",
                "of": "cityHash64(device_model) % 64",
                "k": 32,
                "type": "Float32",
            },
            {
                "measure": "last_32_contributors",
                "aggregate": "last_k",
                "of": "contributors",
                "k": 32,
                "type": "Float32",
            },
        ],
    )
}}
