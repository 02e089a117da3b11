"""One classification tree (Breiman et al. 1984): the model that fits on a page."""

from typing import Any, ClassVar

import numpy as np
from sklearn.tree import DecisionTreeClassifier

from clickward.models_ml.estimators.base import Supervised
from clickward.models_ml.estimators.search import Choice, Parameter, Whole, one_of, whole
from clickward.models_ml.estimators.trees import OnTrees, path_credits, positive_share


class DecisionTree(OnTrees, Supervised):
    """Cuts one after another; the score is the share of positives in the row's leaf.

    Unknown numbers take the branch that training found better; categories enter as out-of-fold
    target rates. Explanations are changes of that share along the row's path (Saabas 2014) and
    sum to the score less the training rate.
    """

    name = "decision_tree"
    hyper_parameters: ClassVar[dict[str, Parameter]] = {
        "max_depth": whole(1, 1_000, also=(None,), tuned=Whole(2, 12)),
        "min_samples_leaf": whole(1, or_share=True, tuned=Whole(5, 500, log=True)),
        "criterion": one_of("gini", "log_loss", "entropy", tuned=Choice(("gini", "log_loss"))),
    }

    def __init__(
        self,
        max_depth: int = 6,
        min_samples_leaf: int = 20,
        criterion: str = "log_loss",
        random_state: int = 0,
    ) -> None:
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.criterion = criterion
        self.random_state = random_state

    def _learn(self, matrix: np.ndarray, y: Any) -> None:
        self.model_ = DecisionTreeClassifier(
            max_depth=self.max_depth,
            min_samples_leaf=self.min_samples_leaf,
            criterion=self.criterion,
            random_state=self.random_state,
        ).fit(matrix, y)

    def _rate(self, matrix: np.ndarray) -> np.ndarray:
        return positive_share(self.model_.tree_)[self.model_.apply(matrix)]

    def _credit(self, matrix: np.ndarray) -> np.ndarray:
        credit = np.zeros(matrix.shape)
        path_credits(self.model_.tree_, positive_share(self.model_.tree_), matrix, credit)
        return credit
