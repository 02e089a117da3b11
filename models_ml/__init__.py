"""Snapshots, splits, estimators, metrics, training, validation, scoring, and their registry."""
