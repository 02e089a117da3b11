{{ config(materialized="view") }} {{ scored_clicks_of(ref("scores_by_version"), ["role", "is_shadow"]) }}
