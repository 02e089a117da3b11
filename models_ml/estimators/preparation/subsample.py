"""Fewer training rows for families that do not scale, drawn so that a seed gives the same ones."""

import numpy as np


def subsample(rows: int, at_most: int, labels: np.ndarray | None, seed: int) -> np.ndarray:
    """Rows to keep `(at_most,)`, rising, of `rows`; with labels each class keeps its share.

    A class keeps at least one row, so that rare positives never vanish.
    """
    rng = np.random.default_rng(seed)
    if labels is None:
        return np.sort(rng.choice(rows, at_most, replace=False))
    positive, negative = np.flatnonzero(labels == 1), np.flatnonzero(labels != 1)
    share = round(at_most * len(positive) / rows)
    of_positives = min(max(share, 1), len(positive), at_most - 1)
    kept = [
        rng.choice(positive, of_positives, replace=False),
        rng.choice(negative, min(at_most - of_positives, len(negative)), replace=False),
    ]
    return np.sort(np.concatenate(kept))
