"""Feed-forward network of scikit-learn: no further library, for tables of modest size."""

from typing import Any, ClassVar

import numpy as np
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from clickward.models_ml.estimators.dense import DenseSupervised, in_blocks
from clickward.models_ml.estimators.gradients import integrated_gradients
from clickward.models_ml.estimators.preparation.subsample import subsample
from clickward.models_ml.estimators.search import Parameter, Real, Whole, real, whole
from clickward.models_ml.estimators.threads import one_thread

# Epochs without a better loss before training ends.
PATIENCE = 5
# Positives from which a tenth of the rows can be held out.
ENOUGH = 50


class NeuralNet(DenseSupervised):
    """Two layers of rectified units on log loss, trained by Adam (Kingma and Ba 2015).

    Training ends when the loss on a tenth of the rows, held out, has not fallen for five epochs,
    and the best weights are kept. Features as for logistic regression.
    Explanations are integrated gradients from the training mean, in log-odds.
    """

    name = "neural_net"
    max_rows = 200_000
    parts = ("dense", "weights", "biases")
    hyper_parameters: ClassVar[dict[str, Parameter]] = {
        "width": whole(1, 65_536, tuned=Whole(16, 256, log=True)),
        "alpha": real(0, tuned=Real(1e-6, 1e-1, log=True)),
        "learning_rate": real(0, 1, above=True, tuned=Real(3e-4, 1e-2, log=True)),
        "batch_size": whole(1),
        "max_epochs": whole(1, 100_000),
    }

    def __init__(
        self,
        width: int = 64,
        alpha: float = 1e-3,
        learning_rate: float = 1e-3,
        batch_size: int = 256,
        max_epochs: int = 40,
        random_state: int = 0,
    ) -> None:
        self.width = width
        self.alpha = alpha
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.random_state = random_state

    def _learn(self, matrix: np.ndarray, y: Any) -> None:
        network = MLPClassifier(
            hidden_layer_sizes=(self.width, max(self.width // 2, 1)),
            alpha=self.alpha,
            learning_rate_init=self.learning_rate,
            batch_size=min(self.batch_size, len(matrix)),
            random_state=self.random_state,
        )
        held_out = np.zeros(len(matrix), dtype=bool)
        if y.sum() >= ENOUGH:
            held_out[subsample(len(matrix), len(matrix) // 10, y, self.random_state)] = True
        best = np.inf
        worse = 0
        with one_thread():
            for _ in range(self.max_epochs):
                network.partial_fit(matrix[~held_out], y[~held_out], classes=[0, 1])
                loss = network.loss_
                if held_out.any():
                    loss = log_loss(y[held_out], network.predict_proba(matrix[held_out])[:, 1])
                worse = 0 if loss < best else worse + 1
                if loss < best:
                    best = loss
                    self.weights_ = [layer.copy() for layer in network.coefs_]
                    self.biases_ = [layer.copy() for layer in network.intercepts_]
                if worse == PATIENCE:
                    break

    def _rate(self, matrix: np.ndarray) -> np.ndarray:
        return self.dense_.probability(in_blocks(self._log_odds, matrix))

    def _credit(self, matrix: np.ndarray) -> np.ndarray:
        return in_blocks(lambda rows: integrated_gradients(self._gradient, rows), matrix)

    def _log_odds(self, rows: np.ndarray) -> np.ndarray:
        return (self._hidden(rows)[-1] @ self.weights_[-1] + self.biases_[-1])[:, 0]

    def _hidden(self, rows: np.ndarray) -> list[np.ndarray]:
        """What the rectified layers give, `(n, units)` each."""
        layers: list[np.ndarray] = []
        given = rows
        for weights, bias in zip(self.weights_[:-1], self.biases_[:-1], strict=True):
            given = np.maximum(given @ weights + bias, 0)
            layers.append(given)
        return layers

    def _gradient(self, rows: np.ndarray) -> np.ndarray:
        """The log-odds' derivatives by back-propagation."""
        slope = np.repeat(self.weights_[-1].T, len(rows), axis=0)
        for weights, given in zip(self.weights_[-2::-1], self._hidden(rows)[::-1], strict=True):
            slope = (slope * (given > 0)) @ weights.T
        return slope
