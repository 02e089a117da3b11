"""Metrics on one ranking of rows, for any weights: the point estimate and every resample."""

from dataclasses import dataclass

import numpy as np

# Shares of negatives allowed at or above a threshold, and what the thresholds are called.
MAX_FALSE_POSITIVE_RATES = {"fpr_0.1pct": 0.001, "fpr_0.5pct": 0.005}
BALANCED = "balanced"
THRESHOLDS = [*MAX_FALSE_POSITIVE_RATES, BALANCED]
RANKED = ("average_precision", "roc_auc")


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


class Ranking:
    """Rows from the highest score down, tied rows together.

    Sorted once; each weighting of the rows then costs a cumulative sum.
    """

    def __init__(self, scores: np.ndarray) -> None:
        scores = np.asarray(scores, dtype=np.float64)
        self.order = np.argsort(-scores, kind="stable")
        falling = scores[self.order]
        is_last = np.append(falling[1:] != falling[:-1], True) if len(falling) else np.array([])
        # Position of the last and first row of each tie, and the tie each position belongs to.
        self.ends = np.flatnonzero(is_last)
        self.starts = np.append(0, self.ends[:-1] + 1) if len(self.ends) else self.ends
        self.tie = np.zeros(len(falling), dtype=np.int64)
        self.tie[self.ends[:-1] + 1] = 1
        self.tie = np.cumsum(self.tie)


@dataclass(frozen=True)
class Segment:
    """Labels of one segment, prepared on a ranking.

    `rows` are positions in the ranking of its positives. An attack's segment measures recall
    only: everything else would mix it with the other attacks.
    """

    name: str
    rows: np.ndarray
    recall_only: bool = False

    def metric_names(self, thresholds: list[str]) -> list[str]:
        names = [] if self.recall_only else list(RANKED)
        for threshold in thresholds:
            names.append(f"recall_at_{threshold}")
            if not self.recall_only:
                names += [f"fpr_reached_{threshold}", f"precision_at_{threshold}"]
        return [*names, "positives"]


def segment(
    name: str, ranking: Ranking, is_positive: np.ndarray, recall_only: bool = False
) -> Segment:
    """A segment whose positives are given in the rows' own order."""
    return Segment(name, np.flatnonzero(is_positive[ranking.order]), recall_only)


def measure(
    ranking: Ranking, segments: list[Segment], flags: dict[str, np.ndarray], weights: np.ndarray
) -> np.ndarray:
    """Every metric of every segment, one after the other; NaN where undefined.

    `flags` are the flagged rows by threshold and `weights` the rows' weights, both `(n,)` in
    the ranking's order. With whole weights this equals scikit-learn's values on repeated rows.
    """
    total = np.concatenate([[0.0], np.cumsum(weights)])
    flagged = {name: float(weights @ flag) for name, flag in flags.items()}
    values: list[float] = []
    for part in segments:
        mass = weights[part.rows]
        positives = float(mass.sum())
        if not part.recall_only:
            values += _ranked(ranking, part.rows, mass, total)
        negatives = float(total[-1]) - positives
        for name, flag in flags.items():
            caught = float(mass @ flag[part.rows])
            values.append(_ratio(caught, positives))
            if not part.recall_only:
                values.append(_ratio(flagged[name] - caught, negatives))
                values.append(_ratio(caught, flagged[name]))
        values.append(positives)
    return np.array(values)


def _ranked(
    ranking: Ranking, rows: np.ndarray, mass: np.ndarray, total: np.ndarray
) -> tuple[float, float]:
    """Average precision and ROC AUC from the ties that hold positives: few, so this is cheap."""
    positives = mass.sum()
    negatives = total[-1] - positives
    if positives == 0 or negatives == 0:
        return np.nan, np.nan
    ties, place = np.unique(ranking.tie[rows], return_inverse=True)
    gained = np.bincount(place, weights=mass)
    above = total[ranking.ends[ties] + 1]
    inside = above - total[ranking.starts[ties]]
    found = np.cumsum(gained)
    precision = np.divide(found, above, out=np.zeros_like(found), where=above > 0)
    # Of the negatives, those below a tie are beaten and those inside it are halved.
    beaten = negatives - (above - found) + (inside - gained) / 2
    return (
        float(gained @ precision / positives),
        float(gained @ beaten / (positives * negatives)),
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else np.nan
