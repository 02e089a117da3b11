"""Reasons for smooth models: integrated gradients (Sundararajan, Taly and Yan 2017)."""

from collections.abc import Callable

import numpy as np

STEPS = 16


def integrated_gradients(
    gradient: Callable[[np.ndarray], np.ndarray], matrix: np.ndarray, steps: int = STEPS
) -> np.ndarray:
    """Shares `(n, columns)` of the score's rise from the training mean to each row.

    `gradient` gives the score's derivatives `(n, columns)` at rows of the standardised matrix,
    whose mean is 0. Each share is the value times the mean derivative on the straight line
    between; the shares sum to score(row) - score(mean), up to the error of `steps` midpoints.
    """
    total = np.zeros(matrix.shape)
    for step in range(steps):
        total += gradient(matrix * ((step + 0.5) / steps))
    return matrix * (total / steps)
