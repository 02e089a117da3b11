"""Distance from what is common: the score that clusterings share (CBLOF)."""

import numpy as np


def large_clusters(sizes: np.ndarray, share: float) -> np.ndarray:
    """The largest clusters that together hold at least `share` of the rows clustered, rising.

    He, Xu and Deng (2003), "Discovering cluster-based local outliers": rows of small clusters are
    as far out as their distance to the nearest large one says.
    """
    order = np.argsort(-sizes, kind="stable")
    held = np.cumsum(sizes[order])
    needed = int(np.searchsorted(held, share * sizes.sum())) + 1
    return np.sort(order[:needed])


def shares_of_distance(matrix: np.ndarray, nearest: np.ndarray) -> np.ndarray:
    """Each column's part of the distance between rows and their `nearest`, both `(n, columns)`.

    A part is the column's squared difference over the distance: the parts sum to the distance.
    """
    squares = (matrix - nearest) ** 2
    distance = np.sqrt(squares.sum(axis=1))
    return squares / np.maximum(distance, 1e-300)[:, None]
