{{ config(materialized="view") }} {{ scored_installs_of(ref("scores_in_force")) }}
