"""k-means (Lloyd 1982): far from every common kind of row."""

from typing import Any, ClassVar

import numpy as np
from sklearn.cluster import KMeans

from clickward.models_ml.estimators.dense import DenseAnomaly
from clickward.models_ml.estimators.large_clusters import large_clusters, shares_of_distance
from clickward.models_ml.estimators.search import Parameter, Real, Whole, real, whole
from clickward.models_ml.estimators.threads import one_thread


class Clusters(DenseAnomaly):
    """Distance to the centre of the nearest large cluster; labels are never seen.

    Clusters that together hold `large_share` of the training rows are large; a row of a small
    cluster is as far out as its distance to the nearest large one (He, Xu and Deng 2003).
    Numbers: signed log, standardised, unknowns at the median. Categories: how rare they are.
    Explanations are each feature's part of the distance and sum to the score.
    """

    name = "k_means"
    parts = ("dense", "model")
    max_rows = 200_000
    hyper_parameters: ClassVar[dict[str, Parameter]] = {
        "n_clusters": whole(1, 100_000, tuned=Whole(2, 64, log=True)),
        "large_share": real(0, 1, above=True, tuned=Real(0.5, 1.0)),
    }

    def __init__(
        self, n_clusters: int = 12, large_share: float = 0.8, random_state: int = 0
    ) -> None:
        self.n_clusters = n_clusters
        self.large_share = large_share
        self.random_state = random_state

    def _learn(self, matrix: np.ndarray, y: Any) -> None:
        with one_thread():
            self.model_ = KMeans(
                n_clusters=min(self.n_clusters, len(matrix)),
                n_init=3,
                random_state=self.random_state,
            ).fit(matrix)

    def _rate(self, matrix: np.ndarray) -> np.ndarray:
        return np.sqrt(((matrix - self._nearest(matrix)) ** 2).sum(axis=1))

    def _credit(self, matrix: np.ndarray) -> np.ndarray:
        return shares_of_distance(matrix, self._nearest(matrix))

    def _nearest(self, matrix: np.ndarray) -> np.ndarray:
        """The nearest large centre of each row, `(n, columns)`."""
        sizes = np.bincount(self.model_.labels_, minlength=len(self.model_.cluster_centers_))
        centres = self.model_.cluster_centers_[large_clusters(sizes, self.large_share)]
        squares = np.column_stack([((matrix - centre) ** 2).sum(axis=1) for centre in centres])
        return centres[squares.argmin(axis=1)]
