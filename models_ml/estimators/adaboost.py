"""AdaBoost (Freund and Schapire 1997; SAMME of Hastie et al. 2009)."""

from typing import Any, ClassVar

import numpy as np
from sklearn.ensemble import AdaBoostClassifier
from sklearn.tree import DecisionTreeClassifier

from clickward.models_ml.estimators.base import Margin
from clickward.models_ml.estimators.search import Parameter, Real, Whole, real, whole
from clickward.models_ml.estimators.trees import OnTrees, path_credits, positive_share, some

# Below every known value but the least that float32 holds.
UNKNOWN = np.finfo(np.float32).min


class AdaBoost(OnTrees, Margin):
    """Small trees that vote, each trained with more weight on what those before got wrong.

    Each cut is among a random few features, which is quick and makes the trees differ. Unknown
    numbers lie below every known one; categories enter as out-of-fold target rates. The score is
    the weighted vote, from -1 (all for honest) to 1, and no probability. Explanations are changes
    along the row's paths (Saabas 2014) from twice a node's weighted share of positives less one
    to the leaf's vote; with the roots' they sum to the score.
    """

    name = "adaboost"
    max_rows = 50_000
    hyper_parameters: ClassVar[dict[str, Parameter]] = {
        "n_estimators": whole(1, 100_000, tuned=Whole(30, 300, log=True)),
        "max_depth": whole(1, 1_000, also=(None,), tuned=Whole(1, 5)),
        "max_features": real(0, 1, above=True, tuned=Real(0.05, 1.0, log=True)),
        "learning_rate": real(0, 10, above=True, tuned=Real(0.05, 2, log=True)),
    }

    def __init__(
        self,
        n_estimators: int = 100,
        max_depth: int = 3,
        max_features: float = 0.12,
        learning_rate: float = 0.5,
        random_state: int = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.max_features = max_features
        self.learning_rate = learning_rate
        self.random_state = random_state

    def _learn(self, matrix: np.ndarray, y: Any) -> None:
        self.model_ = AdaBoostClassifier(
            DecisionTreeClassifier(
                max_depth=self.max_depth, max_features=some(self.max_features, matrix)
            ),
            n_estimators=self.n_estimators,
            learning_rate=self.learning_rate,
            random_state=self.random_state,
        ).fit(_known(matrix), y)

    def _rate(self, matrix: np.ndarray) -> np.ndarray:
        known = _known(matrix)
        total = np.zeros(len(matrix))
        for weight, tree in self._voters():
            total += weight * _votes(tree)[tree.apply(known)]
        return total

    def _credit(self, matrix: np.ndarray) -> np.ndarray:
        known = _known(matrix)
        credit = np.zeros(matrix.shape)
        for weight, tree in self._voters():
            path_credits(tree, weight * _votes(tree), known, credit)
        return credit

    def _voters(self) -> list[tuple[float, Any]]:
        """Each tree with its share of the vote."""
        weights = self.model_.estimator_weights_[: len(self.model_.estimators_)]
        shares = weights / weights.sum()
        trees = [estimator.tree_ for estimator in self.model_.estimators_]
        return list(zip(shares.tolist(), trees, strict=True))


def _votes(tree: Any) -> np.ndarray:
    """A leaf's vote, 1 or -1; an inner node's weighted lean between them."""
    lean = 2 * positive_share(tree) - 1
    # An even leaf votes for the first class, as the library's own argmax does.
    return np.where(tree.children_left < 0, np.where(lean > 0, 1.0, -1.0), lean)


def _known(matrix: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(matrix), UNKNOWN, matrix)
