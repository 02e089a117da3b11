"""Whether two folds rank the publishers alike."""

import numpy as np

from clickward.models_ml.evaluation.bootstrap import Weightings

# With more publishers than this the most frequent are compared: pairs grow with the square.
MAX_ENTITIES = 200
CHUNK = 2_000_000


def mean_scores(scores: np.ndarray, codes: np.ndarray, weights: Weightings) -> np.ndarray:
    """Mean score of each entity under each weighting, `(1 + resamples, entities)`; NaN if none.

    `codes` `(n,)` are entities from 0, negative where unknown.
    """
    count = int(codes.max(initial=-1)) + 1
    known = codes >= 0
    groups = np.where(known, codes, 0)
    rows = weights.grouped(groups, max(count, 1), known.astype(np.float64))
    sums = weights.grouped(groups, max(count, 1), np.where(known, scores, 0.0))
    with np.errstate(invalid="ignore"):
        return (sums / rows)[:, :count]


def kendall_tau(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Kendall's tau-b of paired rows `(resamples, entities)`, over entities known in both.

    Kendall (1945), "The treatment of ties in ranking problems". NaN with fewer than two.
    """
    count = first.shape[1]
    left, right = np.triu_indices(count, 1)
    taus = np.full(len(first), np.nan)
    step = max(1, CHUNK // max(len(left), 1))
    for begin in range(0, len(first), step):
        part = slice(begin, begin + step)
        a = np.sign(first[part][:, left] - first[part][:, right])
        b = np.sign(second[part][:, left] - second[part][:, right])
        both = ~(np.isnan(a) | np.isnan(b))
        a, b = np.where(both, a, 0), np.where(both, b, 0)
        scale = np.sqrt((a != 0).sum(axis=1) * (b != 0).sum(axis=1))
        with np.errstate(invalid="ignore"):
            taus[part] = (a * b).sum(axis=1) / np.where(scale > 0, scale, np.nan)
    return taus


def most_frequent(codes: np.ndarray) -> np.ndarray:
    """The entities to compare: at most `MAX_ENTITIES`, by falling number of rows."""
    counts = np.bincount(codes[codes >= 0])
    return np.argsort(-counts, kind="stable")[:MAX_ENTITIES]
