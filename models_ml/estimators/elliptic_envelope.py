"""Elliptic envelope (Rousseeuw and Van Driessen 1999): far from the bulk in its own terms."""

import warnings
from typing import Any, ClassVar

import numpy as np
from sklearn.covariance import MinCovDet
from sklearn.decomposition import PCA

from clickward.models_ml.estimators.dense import DenseAnomaly, in_blocks
from clickward.models_ml.estimators.search import Parameter, Real, Whole, real, whole
from clickward.models_ml.estimators.threads import one_thread


class Envelope(DenseAnomaly):
    """Squared Mahalanobis distance from a centre that outliers did not move; labels unseen.

    Centre and covariance are those of the training rows that scatter least (minimum covariance
    determinant), in the space of the first principal components: counts that are mostly 0 have
    no scatter by themselves. Features as for k-means. Explanations are each feature's term of
    the quadratic form (x - c)' A (x - c), which may be negative, and sum to the score.
    """

    name = "elliptic_envelope"
    max_rows = 10_000
    parts = ("dense", "centre", "form")
    hyper_parameters: ClassVar[dict[str, Parameter]] = {
        "components": whole(1, tuned=Whole(5, 60, log=True)),
        "support_fraction": real(0.5, 1, also=(None,), tuned=Real(0.5, 0.95)),
    }

    def __init__(
        self, components: int = 15, support_fraction: float = 0.75, random_state: int = 0
    ) -> None:
        self.components = components
        self.support_fraction = support_fraction
        self.random_state = random_state

    def _learn(self, matrix: np.ndarray, y: Any) -> None:
        n, columns = matrix.shape
        with one_thread(), warnings.catch_warnings():
            # A determinant that is 0 is told by the pseudo-inverse, not by a warning.
            warnings.simplefilter("ignore", RuntimeWarning)
            axes = PCA(
                n_components=min(self.components, columns, n), svd_solver="covariance_eigh"
            ).fit(matrix)
            reduced = axes.transform(matrix)
            covariance = MinCovDet(
                support_fraction=self.support_fraction, random_state=self.random_state
            ).fit(reduced)
        self.centre_ = axes.mean_ + covariance.location_ @ axes.components_
        self.form_ = axes.components_.T @ covariance.get_precision() @ axes.components_

    def _rate(self, matrix: np.ndarray) -> np.ndarray:
        return self._credit(matrix).sum(axis=1)

    def _credit(self, matrix: np.ndarray) -> np.ndarray:
        return in_blocks(self._terms, matrix)

    def _terms(self, rows: np.ndarray) -> np.ndarray:
        away = rows - self.centre_
        return away * (away @ self.form_)
