"""Random forest (Breiman 2001)."""

from typing import Any, ClassVar

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from clickward.models_ml.estimators.base import Supervised
from clickward.models_ml.estimators.search import Parameter, Real, Whole, real, whole
from clickward.models_ml.estimators.threads import threads_for
from clickward.models_ml.estimators.trees import OnTrees, path_credits, positive_share, some


class RandomForest(OnTrees, Supervised):
    """Deep trees on resampled rows, each cut among a random few features, averaged.

    Unknown numbers take the branch that training found better; categories enter as out-of-fold
    target rates. Explanations are changes of the share of positives along the row's paths
    (Saabas 2014), averaged over trees; they sum to the score less the forest's mean rate.
    """

    name = "random_forest"
    max_rows = 100_000
    hyper_parameters: ClassVar[dict[str, Parameter]] = {
        "n_estimators": whole(1, 100_000, tuned=Whole(50, 500, log=True)),
        "max_depth": whole(1, 1_000, also=(None,), tuned=Whole(4, 24)),
        "min_samples_leaf": whole(1, or_share=True, tuned=Whole(1, 100, log=True)),
        "max_features": real(0, 1, above=True, tuned=Real(0.05, 0.8)),
        "n_jobs": whole(1, 1_024, also=(-1,)),
    }

    def __init__(
        self,
        n_estimators: int = 100,
        max_depth: int = 12,
        min_samples_leaf: int = 5,
        max_features: float = 0.12,
        n_jobs: int = 2,
        random_state: int = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _learn(self, matrix: np.ndarray, y: Any) -> None:
        worth = threads_for(matrix.size)
        self.model_ = RandomForestClassifier(
            n_estimators=self.n_estimators,
            max_depth=self.max_depth,
            min_samples_leaf=self.min_samples_leaf,
            max_features=some(self.max_features, matrix),
            n_jobs=self.n_jobs if worth is None else min(worth, self.n_jobs),
            random_state=self.random_state,
        ).fit(matrix, y)

    def _rate(self, matrix: np.ndarray) -> np.ndarray:
        # Summed tree by tree: threads would add them in any order.
        total = np.zeros(len(matrix))
        for tree in self.model_.estimators_:
            total += positive_share(tree.tree_)[tree.tree_.apply(matrix)]
        return total / len(self.model_.estimators_)

    def _credit(self, matrix: np.ndarray) -> np.ndarray:
        credit = np.zeros(matrix.shape)
        for tree in self.model_.estimators_:
            path_credits(tree.tree_, positive_share(tree.tree_), matrix, credit)
        return credit / len(self.model_.estimators_)
