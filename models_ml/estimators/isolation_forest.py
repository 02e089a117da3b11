"""Isolation forest (Liu, Ting and Zhou 2008): anomalies without labels."""

from typing import Any, ClassVar

import numpy as np
import polars as pl
from sklearn.ensemble import IsolationForest

from clickward.models_ml.estimators.base import Estimator
from clickward.models_ml.estimators.preparation.preprocessing import CategoryShares, SignedLog
from clickward.models_ml.estimators.search import Parameter, Whole, whole

EULER = 0.5772156649015329


class Isolation(Estimator):
    """How few random cuts separate a row from the others; labels are never seen.

    Numbers: signed log, unknowns at the training median. Categories: their share of the
    training rows. Each tree sees `max_samples` rows, whatever the size of the training set.
    Explanations are in cuts saved: walking down a tree, each cut lowers (or raises) the number
    of cuts still expected, and the change is credited to the feature cut on; a row's
    contributions sum to the forest's mean depth less the row's own.
    """

    name = "isolation_forest"
    is_supervised = False
    parts = ("shares", "logs", "forest")
    hyper_parameters: ClassVar[dict[str, Parameter]] = {
        "n_estimators": whole(1, 100_000, tuned=Whole(50, 500, log=True)),
        "max_samples": whole(2, tuned=Whole(64, 4096, log=True)),
    }

    def __init__(
        self, n_estimators: int = 200, max_samples: int = 256, random_state: int = 0
    ) -> None:
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.random_state = random_state

    def _fit(self, X: pl.DataFrame, y: Any) -> None:
        values = self._numbers(X)
        self.shares_ = CategoryShares().fit(self._categories(X))
        self.logs_ = SignedLog().fit(values)
        self.forest_ = IsolationForest(
            n_estimators=self.n_estimators,
            max_samples=min(self.max_samples, X.height),
            random_state=self.random_state,
        ).fit(self._matrix(X))
        self.__dict__.pop("credits_", None)

    def _score(self, X: pl.DataFrame) -> np.ndarray:
        return -self.forest_.score_samples(self._matrix(X))

    def _explain(self, X: pl.DataFrame) -> np.ndarray:
        matrix = np.ascontiguousarray(self._matrix(X), dtype=np.float32)
        saved = np.zeros(matrix.shape)
        for tree, credit in zip(self.forest_.estimators_, self._credits(), strict=True):
            saved += credit[tree.tree_.apply(matrix)]
        return saved / len(self.forest_.estimators_)

    def _credits(self) -> list[np.ndarray]:
        """Each tree's credits, computed when first asked for: batches share them."""
        if not hasattr(self, "credits_"):
            d = len(self.static_)
            self.credits_ = [_cuts_saved(tree.tree_, d) for tree in self.forest_.estimators_]
        return self.credits_

    def _matrix(self, X: pl.DataFrame) -> np.ndarray:
        logs = self.logs_.transform(self._numbers(X))
        return self._in_order(logs, self.shares_.transform(self._categories(X)))


def _cuts_saved(tree: Any, features: int) -> np.ndarray:
    """For each node, the credit of each feature on the way down to it: `(nodes, features)`.

    The expected depth of a node is the mean depth of the training rows below it, a leaf of k
    rows counting as the mean depth of a tree of k rows, as in the score itself.
    """
    left, right = tree.children_left, tree.children_right
    rows = tree.n_node_samples
    depth = np.zeros(tree.node_count)
    for node in range(tree.node_count):  # parents come before their children
        if left[node] >= 0:
            depth[[left[node], right[node]]] = depth[node] + 1
    expected = depth + _mean_depth(rows)
    for node in range(tree.node_count - 1, -1, -1):
        if left[node] >= 0:
            below = np.array([left[node], right[node]])
            expected[node] = (expected[below] * rows[below]).sum() / rows[node]
    credit = np.zeros((tree.node_count, features))
    for node in range(tree.node_count):
        if left[node] >= 0:
            for child in (left[node], right[node]):
                credit[child] = credit[node]
                credit[child, tree.feature[node]] += expected[node] - expected[child]
    return credit


def _mean_depth(rows: np.ndarray) -> np.ndarray:
    """Mean depth of an isolation tree of so many rows (the paper's c(n))."""
    many = np.maximum(rows, 3).astype(np.float64)
    formula = 2 * (np.log(many - 1) + EULER) - 2 * (many - 1) / many
    return np.where(rows <= 1, 0.0, np.where(rows == 2, 1.0, formula))
