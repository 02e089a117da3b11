"""Thresholds: where a score begins to be flagged, set on labelled scores of an earlier time."""

import numpy as np

# Shares of negatives allowed at or above a threshold, and what the thresholds are called.
MAX_FALSE_POSITIVE_RATES = {"fpr_0.1pct": 0.001, "fpr_0.5pct": 0.005}
BALANCED = "balanced"
THRESHOLDS = [*MAX_FALSE_POSITIVE_RATES, BALANCED]


def threshold_at_fpr(negative_scores: np.ndarray, rate: float) -> float | None:
    """The lowest threshold at which at most `rate` of the negatives are flagged (score >= it).

    Ties count against it, so the rate is never exceeded on these scores. None without negatives.
    """
    if not len(negative_scores):
        return None
    allowed = int(np.floor(rate * len(negative_scores) + 1e-9))
    falling = np.sort(np.asarray(negative_scores, dtype=np.float64))[::-1]
    if allowed >= len(falling):
        return float(falling[-1])
    return float(np.nextafter(falling[allowed], np.inf))


def balanced_threshold(scores: np.ndarray, y: np.ndarray) -> float | None:
    """The threshold with the greatest recall squared over share flagged; None without positives.

    Ranks thresholds as F1 would, but needs no true negatives: frauds that no verdict has found
    stand among the negatives and spoil any rate measured on them, while recall of the found ones
    and the share flagged stay what they are. Lee and Liu (2003), "Learning with positive and
    unlabeled examples using weighted logistic regression", section 4.
    """
    positives = int(np.sum(y == 1))
    if not positives:
        return None
    order = np.argsort(-scores, kind="stable")
    falling = np.asarray(scores, dtype=np.float64)[order]
    recall = np.cumsum(y[order] == 1) / positives
    flagged = np.arange(1, len(falling) + 1) / len(falling)
    is_last = np.append(falling[1:] != falling[:-1], True)
    worth = np.where(is_last, recall**2 / flagged, -1.0)
    return float(falling[int(np.argmax(worth))])


def thresholds_of(scores: np.ndarray, y: np.ndarray) -> dict[str, float | None]:
    """Every named threshold from scores and labels `(n,)`."""
    negatives = scores[y == 0]
    at_rates = {
        name: threshold_at_fpr(negatives, rate) for name, rate in MAX_FALSE_POSITIVE_RATES.items()
    }
    return at_rates | {BALANCED: balanced_threshold(scores, y)}
