"""Local outlier factor (Breunig et al. 2000): sparser than one's own neighbourhood."""

from typing import Any, ClassVar

import numpy as np
from sklearn.neighbors import LocalOutlierFactor

from clickward.models_ml.estimators.dense import DenseAnomaly, in_blocks
from clickward.models_ml.estimators.large_clusters import shares_of_distance
from clickward.models_ml.estimators.search import Parameter, Whole, whole


class LocalOutliers(DenseAnomaly):
    """How much sparser a row lies than its nearest training rows do; labels are never seen.

    About 1 among equals. Features as for k-means. A ratio of densities is no sum over features;
    explanations share what exceeds 1 by each feature's part of the distance to the mean of the
    row's neighbours, and are 0 where nothing does.
    """

    name = "local_outlier_factor"
    max_rows = 10_000
    hyper_parameters: ClassVar[dict[str, Parameter]] = {
        "n_neighbors": whole(1, tuned=Whole(5, 400, log=True)),
    }

    def __init__(self, n_neighbors: int = 100, random_state: int = 0) -> None:
        self.n_neighbors = n_neighbors
        self.random_state = random_state

    def _learn(self, matrix: np.ndarray, y: Any) -> None:
        self.model_ = LocalOutlierFactor(
            n_neighbors=min(self.n_neighbors, len(matrix) - 1), algorithm="brute", novelty=True
        ).fit(matrix)

    def _rate(self, matrix: np.ndarray) -> np.ndarray:
        return in_blocks(lambda rows: -self.model_.score_samples(rows), matrix)

    def _credit(self, matrix: np.ndarray) -> np.ndarray:
        parts = in_blocks(lambda rows: shares_of_distance(rows, self._around(rows)), matrix)
        distance = np.maximum(parts.sum(axis=1), 1e-300)
        excess = np.maximum(self._rate(matrix) - 1, 0)
        return parts * (excess / distance)[:, None]

    def _around(self, rows: np.ndarray) -> np.ndarray:
        """The mean of each row's neighbours, `(n, columns)`."""
        neighbours = np.sort(self.model_.kneighbors(rows, return_distance=False), axis=1)
        return self.model_._fit_X[neighbours].mean(axis=1)
