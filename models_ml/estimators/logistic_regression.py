"""Logistic regression: the baseline whose reasons can be checked by hand."""

from typing import Any, ClassVar

import numpy as np
from sklearn.linear_model import LogisticRegression

from clickward.models_ml.estimators.dense import DenseSupervised
from clickward.models_ml.estimators.search import Choice, Parameter, Real, one_of, real, whole


class Logistic(DenseSupervised):
    """L2-penalised logistic regression on standardised features.

    Numbers: signed log, unknowns at the training median with an indicator beside them.
    Categories: the log-odds of their out-of-fold target rate. Explanations are coefficient x
    (value - training mean) in log-odds, an indicator's share added to its feature's.
    """

    name = "logistic_regression"
    hyper_parameters: ClassVar[dict[str, Parameter]] = {
        "C": real(0, above=True, tuned=Real(1e-4, 100, log=True)),
        "class_weight": one_of(None, "balanced", tuned=Choice((None, "balanced"))),
        "max_iter": whole(1),
    }

    def __init__(
        self,
        C: float = 1.0,
        class_weight: str | None = None,
        max_iter: int = 1000,
        random_state: int = 0,
    ) -> None:
        self.C = C
        self.class_weight = class_weight
        self.max_iter = max_iter
        self.random_state = random_state

    def _learn(self, matrix: np.ndarray, y: Any) -> None:
        self.model_ = LogisticRegression(
            C=self.C, class_weight=self.class_weight, max_iter=self.max_iter
        ).fit(matrix, y)

    def _rate(self, matrix: np.ndarray) -> np.ndarray:
        # Summed row by row: a matrix product's last bits depend on how many rows there are.
        odds = self._credit(matrix).sum(axis=1) + self.model_.intercept_[0]
        return self.dense_.probability(odds)

    def _credit(self, matrix: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(matrix * self.model_.coef_[0])
