"""Linear support vector machine (Fan et al. 2008, LIBLINEAR)."""

from typing import Any, ClassVar

import numpy as np
from sklearn.svm import LinearSVC

from clickward.models_ml.estimators.dense import DenseMargin
from clickward.models_ml.estimators.search import Choice, Parameter, Real, one_of, real, whole


class LinearSVM(DenseMargin):
    """The straight cut with the widest margin between the classes.

    Squared hinge loss in the primal. Features as for logistic regression. Scores are signed
    distances in units of the margin, no probabilities. Explanations are coefficient x (value -
    training mean) in the same unit and sum, with the intercept, to the score.
    """

    name = "linear_svm"
    hyper_parameters: ClassVar[dict[str, Parameter]] = {
        "C": real(0, above=True, tuned=Real(1e-4, 10, log=True)),
        "class_weight": one_of(None, "balanced", tuned=Choice((None, "balanced"))),
        "max_iter": whole(1),
    }

    def __init__(
        self,
        C: float = 0.01,
        class_weight: str | None = "balanced",
        max_iter: int = 1000,
        random_state: int = 0,
    ) -> None:
        self.C = C
        self.class_weight = class_weight
        self.max_iter = max_iter
        self.random_state = random_state

    def _learn(self, matrix: np.ndarray, y: Any) -> None:
        self.model_ = LinearSVC(
            C=self.C,
            class_weight=self.class_weight,
            max_iter=self.max_iter,
            dual=False,
            random_state=self.random_state,
        ).fit(matrix, y)

    def _rate(self, matrix: np.ndarray) -> np.ndarray:
        # Row by row, as in logistic regression.
        return self._credit(matrix).sum(axis=1) + self.model_.intercept_[0]

    def _credit(self, matrix: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(matrix * self.model_.coef_[0])
