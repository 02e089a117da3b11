"""Feed-forward network in PyTorch (extra `deep`)."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from clickward.models_ml.estimators.dense import DenseSupervised, in_blocks
from clickward.models_ml.estimators.gradients import integrated_gradients
from clickward.models_ml.estimators.nets import (
    Schedule,
    import_torch,
    read_state,
    save_network,
    train_network,
    with_state,
)
from clickward.models_ml.estimators.search import Parameter, Real, Whole, real, whole


class TorchNet(DenseSupervised):
    """Two rectified layers with dropout on log loss, trained in PyTorch.

    Features as for logistic regression. Training ends when the loss on a tenth of the rows has
    not fallen for five epochs. Explanations are integrated gradients from the training mean, in
    log-odds. Needs the extra `deep` (pip install 'clickward[deep]').
    """

    name = "torch_net"
    library = "torch"
    extra = "deep"
    kind: ClassVar[str] = "deep"
    max_rows = 500_000
    parts = ("dense",)
    hyper_parameters: ClassVar[dict[str, Parameter]] = {
        "width": whole(1, 65_536, tuned=Whole(16, 512, log=True)),
        "dropout": real(0, 1, below=True, tuned=Real(0.0, 0.6)),
        "learning_rate": real(0, 1, above=True, tuned=Real(3e-4, 1e-2, log=True)),
        "weight_decay": real(0, tuned=Real(1e-6, 1e-1, log=True)),
        "batch_size": whole(1),
        "max_epochs": whole(1, 100_000),
    }

    def __init__(
        self,
        width: int = 96,
        dropout: float = 0.3,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-2,
        batch_size: int = 128,
        max_epochs: int = 25,
        random_state: int = 0,
    ) -> None:
        self.width = width
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.random_state = random_state

    def _learn(self, matrix: np.ndarray, y: Any) -> None:
        torch = import_torch(self.name)
        schedule = Schedule(self.learning_rate, self.weight_decay, self.batch_size, self.max_epochs)
        self.columns_ = matrix.shape[1]
        inputs = (matrix.astype(np.float32),)
        self.network_ = train_network(torch, self._build, inputs, y, schedule, self.random_state)

    def _build(self) -> Any:
        from clickward.models_ml.estimators.torch_modules import FeedForward

        return FeedForward(self.columns_, self.width, self.dropout)

    def _rate(self, matrix: np.ndarray) -> np.ndarray:
        torch = import_torch(self.name)

        def log_odds(rows: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                return self.network_(torch.from_numpy(rows)).numpy().astype(np.float32)

        odds = in_blocks(log_odds, matrix).astype(np.float64)
        return self.dense_.probability(odds)

    def _credit(self, matrix: np.ndarray) -> np.ndarray:
        torch = import_torch(self.name)

        def gradient(rows: np.ndarray) -> np.ndarray:
            given = torch.from_numpy(rows).requires_grad_()
            (slope,) = torch.autograd.grad(self.network_(given).sum(), given)
            return slope.numpy()

        shares = in_blocks(lambda rows: integrated_gradients(gradient, rows), matrix)
        return shares.astype(np.float32).astype(np.float64)

    def _save(self, folder: Path) -> None:
        super()._save(folder)
        save_network(self.network_, folder)

    def _load(self, folder: Path) -> None:
        super()._load(folder)
        torch = import_torch(self.name)
        self.columns_ = len(self.dense_.standard_.means_)
        self.network_ = with_state(torch, self._build(), read_state(folder))
