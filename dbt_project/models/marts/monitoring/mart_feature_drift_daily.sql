{{
    config(
        materialized="table",
        engine=table_engine(),
        order_by="(feature_set, feature, event_date)",
        contract={"enforced": true},
    )
}}
{{ feature_drift(ref("feature_histograms_daily"), ref("drift_references")) }}
