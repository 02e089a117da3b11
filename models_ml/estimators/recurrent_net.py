"""Recurrent network over the last events of device, address and source (extra `deep`)."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl

from clickward.models_ml.estimators.base import Supervised
from clickward.models_ml.estimators.dense import in_blocks
from clickward.models_ml.estimators.gradients import STEPS
from clickward.models_ml.estimators.nets import (
    Schedule,
    import_torch,
    read_state,
    save_network,
    train_network,
    with_state,
)
from clickward.models_ml.estimators.preparation.dense import Dense
from clickward.models_ml.estimators.search import Parameter, Real, Whole, real, whole
from clickward.models_ml.estimators.sequences import EventSequences
from clickward.warehouse.errors import UserError


class RecurrentNet(Supervised):
    """Gated recurrent units over sequences of last events, beside the features of the row.

    Reads the columns of lists (`<entity>__last_<K>_<measure>`), the latest event last: one unit
    for each group of parallel lists, then two layers with the other features, which are prepared
    as for logistic regression. Training ends when the loss on a tenth of the rows has not fallen
    for five epochs. Explanations are integrated gradients in log-odds, from a row at the
    training mean whose events are as many but say nothing. Needs the extra `deep`
    (pip install 'clickward[deep]') and a feature set with sequences.
    """

    name = "recurrent_net"
    library = "torch"
    extra = "deep"
    kind: ClassVar[str] = "deep"
    reads_sequences = True
    max_rows = 30_000
    parts = ("dense", "events")
    hyper_parameters: ClassVar[dict[str, Parameter]] = {
        "hidden": whole(1, 65_536, tuned=Whole(8, 64, log=True)),
        "steps": whole(1, 10_000, tuned=Whole(4, 32)),
        "width": whole(1, 65_536, tuned=Whole(16, 256, log=True)),
        "dropout": real(0, 1, below=True, tuned=Real(0.0, 0.6)),
        "learning_rate": real(0, 1, above=True, tuned=Real(3e-4, 1e-2, log=True)),
        "weight_decay": real(0),
        "batch_size": whole(1),
        "max_epochs": whole(1, 100_000),
    }

    def __init__(
        self,
        hidden: int = 16,
        steps: int = 16,
        width: int = 64,
        dropout: float = 0.3,
        learning_rate: float = 4e-3,
        weight_decay: float = 1e-2,
        batch_size: int = 256,
        max_epochs: int = 12,
        random_state: int = 0,
    ) -> None:
        self.hidden = hidden
        self.steps = steps
        self.width = width
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.random_state = random_state

    def _fit(self, X: pl.DataFrame, y: Any) -> None:
        torch = import_torch(self.name)
        if not self.sequence_:
            raise UserError(
                f"{self.name} needs sequences of events, and these {X.width} features have none",
                "train it on a feature set with `..__last_..` arrays, such as fs_install",
            )
        self.dense_ = Dense(True, self.random_state)
        static = self.dense_.fit_transform(self._numbers(X), self._categories(X), y)
        self.events_ = EventSequences(self.steps).fit(X.select(self.sequence_))
        rows = np.hstack([static.astype(np.float32), self._events(X)])
        schedule = Schedule(self.learning_rate, self.weight_decay, self.batch_size, self.max_epochs)
        self.network_ = train_network(torch, self._build, (rows,), y, schedule, self.random_state)

    def _build(self) -> Any:
        from clickward.models_ml.estimators.torch_modules import Layout, Recurrent

        groups = tuple((len(numbers), len(codes)) for numbers, codes in self.events_.groups_)
        layout = Layout(len(self.dense_.standard_.means_), self.steps, groups)
        return Recurrent(layout, self.hidden, self.width, self.dropout)

    def _score(self, X: pl.DataFrame) -> np.ndarray:
        torch = import_torch(self.name)

        def log_odds(rows: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                return self.network_(torch.from_numpy(rows).double()).numpy().astype(np.float32)

        odds = in_blocks(log_odds, self._rows(X)).astype(np.float64)
        return self.dense_.probability(odds)

    def explain(self, X: pl.DataFrame) -> np.ndarray:
        """How much each feature and each sequence raised the log-odds, `(n, d)`."""
        checked = self._checked(X)
        if not X.height:
            return np.zeros(X.shape)
        shares = in_blocks(self._integrate, self._rows(checked)).astype(np.float32)
        columns = len(self.dense_.standard_.means_)
        explained = np.zeros(X.shape)
        static = [X.columns.index(name) for name in self.static_]
        explained[:, static] = self._in_order(*self.dense_.fold(shares[:, :columns]))
        names = [name for group in self.events_.groups_ for part in group for name in part]
        explained[:, [X.columns.index(name) for name in names]] = shares[:, columns:]
        return explained

    def _explain(self, X: pl.DataFrame) -> np.ndarray:
        return self.explain(X)

    def _integrate(self, rows: np.ndarray) -> np.ndarray:
        """Shares `(n, static columns + sequences)`: static first, sequences by group."""
        from clickward.models_ml.estimators.torch_modules import CODE_WIDTH

        torch = import_torch(self.name)
        network = self.network_
        with torch.no_grad():
            static, events, lengths = network.unpack(torch.from_numpy(rows).double())
        given = [static, *events]
        total = [torch.zeros_like(values) for values in given]
        for step in range(STEPS):
            part = [(values * ((step + 0.5) / STEPS)).requires_grad_() for values in given]
            odds = network.decide(part[0], part[1:], lengths).sum()
            for sums, slope in zip(total, torch.autograd.grad(odds, part), strict=True):
                sums += slope / STEPS
        shares = [(values * slope).numpy() for values, slope in zip(given, total, strict=True)]
        found = [shares[0]]
        for (numbers, codes), share in zip(self.events_.groups_, shares[1:], strict=True):
            by_input = share.sum(axis=1)
            n = len(numbers)
            found.append(by_input[:, :n] + by_input[:, n : 2 * n])
            coded = by_input[:, 2 * n :].reshape(len(rows), len(codes), CODE_WIDTH)
            found.append(coded.sum(axis=2))
        return np.hstack(found)

    def _rows(self, X: pl.DataFrame) -> np.ndarray:
        static = self.dense_.transform(self._numbers(X), self._categories(X))
        return np.hstack([static.astype(np.float32), self._events(X)])

    def _events(self, X: pl.DataFrame) -> np.ndarray:
        return self.events_.transform(X.select(self.sequence_))

    def _save(self, folder: Path) -> None:
        super()._save(folder)
        save_network(self.network_, folder)

    def _load(self, folder: Path) -> None:
        super()._load(folder)
        torch = import_torch(self.name)
        self.network_ = with_state(torch, self._build(), read_state(folder))
