"""HDBSCAN (Campello, Moulavi and Sander 2013): clusters of any shape and density."""

from typing import Any, ClassVar

import numpy as np
from sklearn.cluster import HDBSCAN
from sklearn.neighbors import NearestNeighbors

from clickward.models_ml.estimators.dense import DenseAnomaly, in_blocks
from clickward.models_ml.estimators.large_clusters import large_clusters, shares_of_distance
from clickward.models_ml.estimators.search import Parameter, Real, Whole, real, whole
from clickward.models_ml.estimators.threads import one_thread

NEIGHBOURS = 10


class DensityClusters(DenseAnomaly):
    """Distance to the nearest large cluster; labels are never seen.

    HDBSCAN has no prediction for new rows: each is assigned to the cluster of the training rows
    nearest to it, and its distance is that to the mean of the ten nearest. Clusters that together
    hold `large_share` of the clustered rows are large; noise and small clusters count only by
    their distance to them (He, Xu and Deng 2003). Where the method finds no cluster, all training
    rows are one. Features as for k-means. Explanations are each feature's part of the distance
    and sum to the score.
    """

    name = "hdbscan"
    max_rows = 5_000
    parts = ("dense", "members")
    hyper_parameters: ClassVar[dict[str, Parameter]] = {
        "min_cluster_size": whole(2, tuned=Whole(5, 200, log=True)),
        "min_samples": whole(1, tuned=Whole(1, 50, log=True)),
        "large_share": real(0, 1, above=True, tuned=Real(0.5, 1.0)),
    }

    def __init__(
        self,
        min_cluster_size: int = 25,
        min_samples: int = 5,
        large_share: float = 0.9,
        random_state: int = 0,
    ) -> None:
        self.min_cluster_size = min_cluster_size
        self.min_samples = min_samples
        self.large_share = large_share
        self.random_state = random_state

    def _learn(self, matrix: np.ndarray, y: Any) -> None:
        with one_thread():
            labels = (
                HDBSCAN(
                    min_cluster_size=max(min(self.min_cluster_size, len(matrix) // 2), 2),
                    min_samples=min(self.min_samples, len(matrix)),
                    copy=True,
                )
                .fit(matrix)
                .labels_
            )
        if (labels < 0).all():
            labels = np.zeros(len(matrix), dtype=int)
        large = large_clusters(np.bincount(labels[labels >= 0]), self.large_share)
        self.members_ = np.ascontiguousarray(matrix[np.isin(labels, large)])
        self.__dict__.pop("search_", None)

    def _rate(self, matrix: np.ndarray) -> np.ndarray:
        return np.sqrt(((matrix - self._nearest(matrix)) ** 2).sum(axis=1))

    def _credit(self, matrix: np.ndarray) -> np.ndarray:
        return shares_of_distance(matrix, self._nearest(matrix))

    def _nearest(self, matrix: np.ndarray) -> np.ndarray:
        """The mean of the nearest members of large clusters for each row, `(n, columns)`."""
        if not hasattr(self, "search_"):
            count = min(NEIGHBOURS, len(self.members_))
            self.search_ = NearestNeighbors(n_neighbors=count, algorithm="brute")
            self.search_.fit(self.members_)
        search = self.search_

        def around(rows: np.ndarray) -> np.ndarray:
            found = np.sort(search.kneighbors(rows, return_distance=False), axis=1)
            return self.members_[found].mean(axis=1)

        return in_blocks(around, matrix)
