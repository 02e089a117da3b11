"""Support vector machine with a Gaussian kernel, approximated so that it scales."""

from typing import Any, ClassVar

import numpy as np
from sklearn.kernel_approximation import Nystroem
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.svm import LinearSVC

from clickward.models_ml.estimators.dense import DenseMargin, in_blocks
from clickward.models_ml.estimators.gradients import integrated_gradients
from clickward.models_ml.estimators.search import (
    Choice,
    Parameter,
    Real,
    Whole,
    one_of,
    real,
    whole,
)


class KernelSVM(DenseMargin):
    """A curved cut: a linear machine on Gaussian similarities to sampled training rows.

    The kernel is approximated from `n_components` rows (Nystroem; Williams and Seeger 2001).
    `gamma` is in units of 1 / columns. Features as for logistic regression. Scores are signed
    distances in units of the margin, no probabilities. Explanations are integrated gradients
    from the training mean, in the same unit.
    """

    name = "rbf_svm"
    max_rows = 50_000
    parts = ("dense", "kernel", "model")
    hyper_parameters: ClassVar[dict[str, Parameter]] = {
        "C": real(0, above=True, tuned=Real(1e-3, 100, log=True)),
        "gamma": real(0, above=True, tuned=Real(0.03, 3, log=True)),
        "n_components": whole(1, 100_000, tuned=Whole(100, 1000, log=True)),
        "class_weight": one_of(None, "balanced", tuned=Choice((None, "balanced"))),
        "max_iter": whole(1),
    }

    def __init__(
        self,
        C: float = 1.0,
        gamma: float = 0.3,
        n_components: int = 300,
        class_weight: str | None = "balanced",
        max_iter: int = 1000,
        random_state: int = 0,
    ) -> None:
        self.C = C
        self.gamma = gamma
        self.n_components = n_components
        self.class_weight = class_weight
        self.max_iter = max_iter
        self.random_state = random_state

    def _learn(self, matrix: np.ndarray, y: Any) -> None:
        self.kernel_ = Nystroem(
            gamma=self.gamma / matrix.shape[1],
            n_components=min(self.n_components, len(matrix)),
            random_state=self.random_state,
        ).fit(matrix)
        self.model_ = LinearSVC(
            C=self.C,
            class_weight=self.class_weight,
            max_iter=self.max_iter,
            dual=False,
            random_state=self.random_state,
        ).fit(in_blocks(self.kernel_.transform, matrix), y)

    def _rate(self, matrix: np.ndarray) -> np.ndarray:
        return (
            in_blocks(lambda rows: self._pulls(rows).sum(axis=1), matrix)
            + (self.model_.intercept_[0])
        )

    def _credit(self, matrix: np.ndarray) -> np.ndarray:
        return in_blocks(lambda rows: integrated_gradients(self._gradient, rows), matrix)

    def _pulls(self, rows: np.ndarray) -> np.ndarray:
        """What each sampled training row adds to the score, `(n, n_components)`."""
        weights = self.model_.coef_[0] @ self.kernel_.normalization_
        return rbf_kernel(rows, self.kernel_.components_, gamma=self.kernel_.gamma) * weights

    def _gradient(self, rows: np.ndarray) -> np.ndarray:
        pulls = self._pulls(rows)
        towards = pulls @ self.kernel_.components_ - rows * pulls.sum(axis=1)[:, None]
        return 2 * self.kernel_.gamma * towards
