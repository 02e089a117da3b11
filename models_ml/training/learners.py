"""How a model learns from a snapshot: all of it in memory, or from batches with bins on disk."""

import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from clickward.models_ml.dataset.batches import SnapshotRows, snapshot_rows, split_time
from clickward.models_ml.dataset.frames import TrainingFrame, read_frame
from clickward.models_ml.dataset.snapshot import Snapshot
from clickward.models_ml.estimators import Estimator
from clickward.models_ml.estimators.devices import CPU
from clickward.models_ml.estimators.preparation.rates import stratified_folds
from clickward.models_ml.evaluation.thresholds import Holdout
from clickward.models_ml.training.fitting import HOLDOUT_SHARE, check_halves, fit, score_holdout
from clickward.warehouse.log import log


@dataclass(frozen=True)
class Limits:
    """Values (rows x features) above which a family that can learns from batches.

    Up to `in_memory` the snapshot is held whole, some 40 bytes a value at the worst moment.
    Above it only bins are, up to 6 bytes a value; above `binned` they lie on disk.
    """

    in_memory: int = 100_000_000
    binned: int = 400_000_000


LIMITS = Limits()


@dataclass(frozen=True)
class Means:
    """What training computes with: the device, the scheduler of a Dask cluster if any, limits."""

    device: str = CPU
    dask: str | None = None
    limits: Limits = LIMITS


PLAIN = Means()


class Learner(Protocol):
    """The rows of one snapshot, ready to be learnt from."""

    @property
    def rows(self) -> int: ...

    @property
    def positives(self) -> int: ...

    def holdout(self, estimator: Estimator) -> Holdout:
        """The last fifth of the time span, scored by a twin that has not seen it."""
        ...

    def fit(self, estimator: Estimator) -> None:
        """Fit on every row."""
        ...


@dataclass(frozen=True)
class InMemory:
    """The whole snapshot as one frame."""

    frame: TrainingFrame

    @property
    def rows(self) -> int:
        return len(self.frame)

    @property
    def positives(self) -> int:
        return int(self.frame.y.sum())

    def holdout(self, estimator: Estimator) -> Holdout:
        """See `Learner`."""
        return score_holdout(estimator, self.frame, np.arange(self.rows), self.frame.y)

    def fit(self, estimator: Estimator) -> None:
        """See `Learner`."""
        fit(estimator, self.frame, np.arange(self.rows), self.frame.y)


@dataclass(frozen=True)
class FromSnapshot(ABC):
    """A snapshot that memory need not hold: of every row it holds the label and the fold, and of
    the holdout the score and time.
    """

    source: SnapshotRows

    @property
    def rows(self) -> int:
        return len(self.source)

    @cached_property
    def positives(self) -> int:
        return int(self.source.labels().sum())

    def holdout(self, estimator: Estimator) -> Holdout:
        """See `Learner`. The twin scores here, a batch at a time."""
        from sklearn.base import clone

        early, late = split_time(self.source, HOLDOUT_SHARE)
        check_halves(estimator, early.labels(), late.labels())
        twin = clone(estimator)
        self._learn(twin, early)
        return scored(twin, late)

    def fit(self, estimator: Estimator) -> None:
        """See `Learner`."""
        self._learn(estimator, self.source)

    @abstractmethod
    def _learn(self, estimator: Estimator, rows: SnapshotRows) -> None:
        """Fit on the first rows of the snapshot, all of them or fewer."""


@dataclass(frozen=True)
class InBatches(FromSnapshot):
    """Read a batch at a time, again for each pass; `cache` is where bins may lie."""

    cache: Path | None

    def _learn(self, estimator: Estimator, rows: SnapshotRows) -> None:
        folds = folds_of(estimator, rows)
        if self.cache is None:
            estimator.fit_batches(rows, folds)
            return
        with spill_folder(self.cache) as spill:
            estimator.fit_batches(rows, folds, spill)


def choose_learner(
    estimator: Estimator, snapshot: Snapshot, home: Path, limits: Limits = LIMITS
) -> Learner:
    """The way of learning that the snapshot's size asks for and the family knows."""
    if estimator.learns_from_batches:
        source = snapshot_rows(snapshot.path)
        values = len(source) * len(source.names)
        if values > limits.in_memory:
            on_disk = values > limits.binned
            log(
                f"{len(source):,} rows of {len(source.names)} features are learnt from in batches"
                + (", with bins on disk" if on_disk else "")
            )
            return InBatches(source, home / "cache" if on_disk else None)
    return InMemory(read_frame(snapshot.path))


def folds_of(estimator: Estimator, rows: SnapshotRows) -> np.ndarray:
    """The folds `(n,)` that out-of-fold rates take; none where labels are of one class."""
    return stratified_folds(rows.labels(), estimator.get_params()["random_state"])


def scored(estimator: Estimator, rows: SnapshotRows) -> Holdout:
    """Scores, labels and times of `rows`, a batch at a time."""
    scores = [estimator.predict_score(batch.X) for batch in rows]
    return Holdout(np.concatenate(scores), rows.labels(), np.concatenate(list(rows.times())))


@contextmanager
def spill_folder(cache: Path) -> Iterator[Path]:
    """A folder in `cache` that is removed at the end; those of processes that died go first."""
    import psutil

    cache.mkdir(parents=True, exist_ok=True)
    for left in cache.glob("bins-*"):
        if not psutil.pid_exists(int(left.name.split("-")[1])):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"bins-{os.getpid()}-", dir=cache))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
