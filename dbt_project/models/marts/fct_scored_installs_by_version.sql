{{ config(materialized="view") }} {{ scored_installs_of(ref("scores_by_version"), ["role", "is_shadow"]) }}
