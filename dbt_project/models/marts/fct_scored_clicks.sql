{{ config(materialized="view") }} {{ scored_clicks_of(ref("scores_in_force")) }}
