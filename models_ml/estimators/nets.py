"""Training and keeping PyTorch networks: to the bit, on one thread, without pickle.

PyTorch is the extra `deep`; this module is imported without it and says so when it is needed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clickward.models_ml.estimators.preparation.subsample import subsample
from clickward.warehouse.errors import UserError

WEIGHTS = "weights.npz"
# Positives from which a tenth of the rows can be held out.
ENOUGH = 50


@dataclass(frozen=True)
class Schedule:
    """How a network is trained; training ends after `patience` epochs without a better loss."""

    learning_rate: float
    weight_decay: float
    batch_size: int
    max_epochs: int
    patience: int = 5


def import_torch(family: str) -> Any:
    """The library. Raises `UserError` saying how to install it where it is missing."""
    try:
        import torch
    except ImportError as error:
        raise UserError(
            f"{family} needs PyTorch, which the default installation leaves out",
            "pip install 'clickward[deep]'; in a checkout `make setup-deep`",
        ) from error
    return torch


@contextmanager
def repeatable(torch: Any, seed: int) -> Iterator[None]:
    """Inside, one thread, deterministic algorithms and a seed; outside, all as it was."""
    threads = torch.get_num_threads()
    is_strict = torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(is_strict)


def train_network(
    torch: Any,
    build: Callable[[], Any],
    inputs: tuple[np.ndarray, ...],
    y: np.ndarray,
    schedule: Schedule,
    seed: int,
) -> Any:
    """A network trained on log loss by AdamW (Loshchilov and Hutter 2019).

    `build` makes it; called with a batch of `inputs` it gives log-odds `(n,)`. A tenth of the
    rows is held out, stratified, and the weights that are best on it are kept; with fewer than
    `ENOUGH` positives the training loss decides.
    """
    held_out = np.zeros(len(y), dtype=bool)
    if y.sum() >= ENOUGH:
        held_out[subsample(len(y), len(y) // 10, y, seed)] = True
    tensors = [torch.from_numpy(values) for values in inputs]
    labels = torch.from_numpy(y.astype(np.float32))
    rows, checked = (torch.from_numpy(np.flatnonzero(part)) for part in (~held_out, held_out))
    loss_of = torch.nn.BCEWithLogitsLoss()
    with repeatable(torch, seed):
        network = build()
        optimiser = torch.optim.AdamW(
            network.parameters(), schedule.learning_rate, weight_decay=schedule.weight_decay
        )
        best, best_loss, worse = state_of(network), np.inf, 0
        for _ in range(schedule.max_epochs):
            network.train()
            total = 0.0
            for batch in torch.split(rows[torch.randperm(len(rows))], schedule.batch_size):
                optimiser.zero_grad()
                loss = loss_of(network(*(values[batch] for values in tensors)), labels[batch])
                loss.backward()
                optimiser.step()
                total += loss.item() * len(batch)
            network.eval()
            if len(checked):
                with torch.no_grad():
                    found = network(*(values[checked] for values in tensors))
                    total = loss_of(found, labels[checked]).item()
            worse = 0 if total < best_loss else worse + 1
            if total < best_loss:
                best, best_loss = state_of(network), total
            if worse == schedule.patience:
                break
    return with_state(torch, network, best)


def state_of(network: Any) -> dict[str, np.ndarray]:
    """The weights by name, copied, in single precision as they were trained."""
    state = network.state_dict().items()
    return {name: values.numpy().astype(np.float32) for name, values in state}


def with_state(torch: Any, network: Any, state: dict[str, np.ndarray]) -> Any:
    """The network with these weights, ready to score, in double precision.

    The last bits of a matrix product depend on where a row stands in its block. Scores are
    rounded to single precision, far above those bits, so that a row's score is its own.
    """
    network.load_state_dict({name: torch.from_numpy(values) for name, values in state.items()})
    return network.double().eval()


def save_network(network: Any, folder: Path) -> None:
    """Write the weights as plain arrays."""
    np.savez(folder / WEIGHTS, **state_of(network))  # type: ignore[arg-type]


def read_state(folder: Path) -> dict[str, np.ndarray]:
    """The weights in `folder`; nothing is executed on reading."""
    with np.load(folder / WEIGHTS, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
