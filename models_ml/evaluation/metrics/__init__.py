"""Metrics for any weighting of rows: the estimate and every bootstrap resample at once."""

from clickward.models_ml.evaluation.metrics.ranking import RANKED, Ranking, rank_metrics, ranked
from clickward.models_ml.evaluation.metrics.thresholds import (
    BALANCED,
    MAX_FALSE_POSITIVE_RATES,
    THRESHOLDS,
    balanced_threshold,
    threshold_at_fpr,
    thresholds_of,
)

__all__ = [
    "BALANCED",
    "MAX_FALSE_POSITIVE_RATES",
    "RANKED",
    "THRESHOLDS",
    "Ranking",
    "balanced_threshold",
    "rank_metrics",
    "ranked",
    "threshold_at_fpr",
    "thresholds_of",
]
