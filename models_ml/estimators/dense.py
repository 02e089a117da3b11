"""What families on the dense matrix share: preparation, and reasons by feature."""

from typing import Any, ClassVar

import numpy as np
import polars as pl

from clickward.models_ml.estimators.base import Estimator, Margin, Supervised
from clickward.models_ml.estimators.preparation.dense import Dense


class OnDense(Estimator):
    """A family that learns from `preparation.dense.Dense`; subclasses see matrices only.

    `_learn` receives the standardised training rows, `_rate` scores rows and `_credit` says how
    much each of their columns raised the score.
    """

    parts: ClassVar[tuple[str, ...]] = ("dense", "model")

    def _fit(self, X: pl.DataFrame, y: Any) -> None:
        self.dense_ = Dense(self.is_supervised, self.get_params()["random_state"])
        matrix = self.dense_.fit_transform(self._numbers(X), self._categories(X), y)
        self._learn(matrix, y)

    def _score(self, X: pl.DataFrame) -> np.ndarray:
        return self._rate(self._matrix(X))

    def _explain(self, X: pl.DataFrame) -> np.ndarray:
        return self._in_order(*self.dense_.fold(self._credit(self._matrix(X))))

    def _matrix(self, X: pl.DataFrame) -> np.ndarray:
        return self.dense_.transform(self._numbers(X), self._categories(X))

    def _learn(self, matrix: np.ndarray, y: Any) -> None:
        raise NotImplementedError(f"{self.name} does not say how it learns")

    def _rate(self, matrix: np.ndarray) -> np.ndarray:
        raise NotImplementedError(f"{self.name} does not say how it scores")

    def _credit(self, matrix: np.ndarray) -> np.ndarray:
        raise NotImplementedError(f"{self.name} does not say how it explains")


class DenseAnomaly(OnDense):
    """An unsupervised family on the dense matrix."""

    is_supervised = False


class DenseMargin(OnDense, Margin):
    """A supervised family on the dense matrix whose scores are no probabilities."""


class DenseSupervised(OnDense, Supervised):
    """A supervised family on the dense matrix whose scores are probabilities."""


# A multiple of every width in which matrix products cut their rows: 16, 24, 32, 48.
BLOCK = 384


def in_blocks(function: Any, matrix: np.ndarray, rows: int = BLOCK) -> np.ndarray:
    """`function` of `matrix` (one row at least), called with exactly `rows` rows at a time.

    Matrix products choose their kernels by shape, and their last bits depend on it: with one
    shape a row's result does not depend on how many rows came with it. The last row is repeated
    to fill the last block.
    """
    found = []
    for start in range(0, len(matrix), rows):
        block = matrix[start : start + rows]
        missing = rows - len(block)
        if missing:
            block = np.vstack([block, np.repeat(block[-1:], missing, axis=0)])
        found.append(function(np.ascontiguousarray(block))[: rows - missing])
    return np.concatenate(found)
