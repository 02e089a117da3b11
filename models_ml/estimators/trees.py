"""What tree families share: preparation, and contributions along each tree's path."""

from typing import Any, ClassVar

import numpy as np
import polars as pl

from clickward.models_ml.estimators.base import Estimator
from clickward.models_ml.estimators.preparation.preprocessing import TargetRates, single


class OnTrees(Estimator):
    """A family of scikit-learn's trees: unknowns stay so, categories are target rates."""

    parts: ClassVar[tuple[str, ...]] = ("rates", "model")

    def _fit(self, X: pl.DataFrame, y: Any) -> None:
        self.rates_ = TargetRates(self.get_params()["random_state"])
        rates = self.rates_.fit_transform(self._categories(X), y)
        self._learn(single(self._in_order(self._numbers(X), rates)), y)

    def _score(self, X: pl.DataFrame) -> np.ndarray:
        return self._rate(self._matrix(X))

    def _explain(self, X: pl.DataFrame) -> np.ndarray:
        return self._credit(self._matrix(X))

    def _matrix(self, X: pl.DataFrame) -> np.ndarray:
        rates = self.rates_.transform(self._categories(X))
        return single(self._in_order(self._numbers(X), rates))

    def _learn(self, matrix: np.ndarray, y: Any) -> None:
        raise NotImplementedError(f"{self.name} does not say how it learns")

    def _rate(self, matrix: np.ndarray) -> np.ndarray:
        raise NotImplementedError(f"{self.name} does not say how it scores")

    def _credit(self, matrix: np.ndarray) -> np.ndarray:
        raise NotImplementedError(f"{self.name} does not say how it explains")


def some(share: float, matrix: np.ndarray) -> int:
    """How many of the columns a share of them is: one at least."""
    return max(round(share * matrix.shape[1]), 1)


def positive_share(tree: Any) -> np.ndarray:
    """The share of positives among the training rows of each node, `(nodes,)`."""
    values = tree.value[:, 0, :]
    return values[:, 1] / values.sum(axis=1)


def path_credits(tree: Any, value: np.ndarray, matrix: np.ndarray, credit: np.ndarray) -> None:
    """Add to `credit` `(n, d)` how each cut on a row's path changed `value` `(nodes,)`.

    Saabas (2014), "Interpreting random forests": the change from a node to the child taken is
    credited to the feature cut on. A row's credits sum to its leaf's value less the root's.
    """
    left, right = tree.children_left, tree.children_right
    rows = np.arange(len(matrix))
    node = np.zeros(len(matrix), dtype=np.int64)
    while len(rows):
        inner = left[node] >= 0
        rows, node = rows[inner], node[inner]
        feature = tree.feature[node]
        found = matrix[rows, feature]
        goes_left = np.where(
            np.isnan(found), tree.missing_go_to_left[node] == 1, found <= tree.threshold[node]
        )
        child = np.where(goes_left, left[node], right[node])
        credit[rows, feature] += value[child] - value[node]
        node = child
