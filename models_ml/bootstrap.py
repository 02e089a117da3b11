"""Percentile bootstrap (Efron 1979) over rows, for many metrics at once."""

from collections.abc import Callable

import numpy as np

RESAMPLES = 200
LEVEL = 0.95
# An interval from the resamples where a metric happens to be defined would hide the others.
MAX_UNDEFINED = 0.05


def resampled_counts(n: int, rng: np.random.Generator) -> np.ndarray:
    """How often each of `n` rows is drawn in one resample with replacement, `(n,)`."""
    return np.bincount(rng.integers(0, n, size=n), minlength=n).astype(np.float64)


def bootstrap(
    measure: Callable[[np.ndarray], np.ndarray], n: int, resamples: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends of the 95 % interval of each metric of `measure(counts)`.

    `counts` are in the rows' own order, so with one seed two models are measured on the same
    resamples. NaN where more than 5 % of the resamples leave a metric undefined.
    """
    rng = np.random.default_rng(seed)
    draws = np.array([measure(resampled_counts(n, rng)) for _ in range(resamples)])
    undefined = np.isnan(draws).mean(axis=0) > MAX_UNDEFINED
    tail = (1 - LEVEL) / 2
    ends = np.full((2, draws.shape[1]), np.nan)
    ends[:, ~undefined] = np.nanquantile(draws[:, ~undefined], [tail, 1 - tail], axis=0)
    return ends[0], ends[1]
