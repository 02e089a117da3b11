"""Average precision and ROC AUC of one ranking under many weightings of its rows."""

import numpy as np

RANKED = ("average_precision", "roc_auc")


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

    def positions(self, is_positive: np.ndarray) -> np.ndarray:
        """Positions in the ranking of the rows marked in `is_positive` `(n,)`."""
        return np.flatnonzero(np.asarray(is_positive)[self.order])


def cumulated(weights: np.ndarray) -> np.ndarray:
    """Weight above each position, `(resamples, n + 1)`, of `weights` in the ranking's order."""
    total = np.zeros((weights.shape[0], weights.shape[1] + 1))
    np.cumsum(weights, axis=1, out=total[:, 1:])
    return total


def ranked(
    ranking: Ranking, positives: np.ndarray, weights: np.ndarray, total: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Average precision and ROC AUC `(resamples,)`, NaN where one class has no weight.

    `positives` are positions in the ranking, `weights` `(resamples, n)` stand in its order and
    `total` is their `cumulated`. With whole weights the values are scikit-learn's on repeated
    rows. Only the ties that hold positives are looked at, which are few.
    """
    mass = weights[:, positives]
    found_all = mass.sum(axis=1)
    missed = total[:, -1] - found_all
    if not len(positives):
        nothing = np.full(len(weights), np.nan)
        return nothing, nothing
    ties, first = np.unique(ranking.tie[positives], return_index=True)
    gained = np.add.reduceat(mass, first, axis=1)
    above = total[:, ranking.ends[ties] + 1]
    inside = above - total[:, ranking.starts[ties]]
    found = np.cumsum(gained, axis=1)
    precision = np.divide(found, above, out=np.zeros_like(found), where=above > 0)
    # Of the negatives, those below a tie are beaten and those inside it are halved.
    beaten = missed[:, None] - (above - found) + (inside - gained) / 2
    defined = (found_all > 0) & (missed > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        average_precision = (gained * precision).sum(axis=1) / found_all
        roc_auc = (gained * beaten).sum(axis=1) / (found_all * missed)
    return (
        np.where(defined, average_precision, np.nan),
        np.where(defined, roc_auc, np.nan),
    )


def rank_metrics(scores: np.ndarray, is_positive: np.ndarray) -> dict[str, float]:
    """Average precision and ROC AUC of rows `(n,)` as they are; NaN where one class is empty."""
    ranking = Ranking(scores)
    weights = np.ones((1, len(scores)))
    positives = ranking.positions(np.asarray(is_positive) == 1)
    values = ranked(ranking, positives, weights, cumulated(weights))
    return {name: float(value[0]) for name, value in zip(RANKED, values, strict=True)}
