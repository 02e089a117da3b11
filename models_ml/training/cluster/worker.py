"""What runs on a Dask worker. Every function here is one task on one worker."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from clickward.models_ml.dataset.batches import Batch, SnapshotRows
from clickward.models_ml.estimators.devices import check_device
from clickward.models_ml.estimators.preparation.rates import RateCounts
from clickward.models_ml.estimators.xgboost import XGBoost
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.errors import UserError

# Another release of these may read or learn something else.
RELEASES = ("clickward", "xgboost", "scikit-learn", "polars")
# Seconds in which all members of one training must have come together.
MEET = 300


@dataclass(frozen=True)
class Pieces:
    """Parts of files as one run of rows, counted from 0: what one worker learns from."""

    parts: tuple[SnapshotRows, ...]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    @property
    def features(self) -> pl.DataFrame:
        return self.parts[0].features

    def __iter__(self) -> Iterator[Batch]:
        place = 0
        for part in self.parts:
            yield from replace(part, offset=place - part.start)
            place += len(part)


@dataclass(frozen=True)
class Day:
    """One day of a snapshot to be pulled: its bounds and what it must hold."""

    from_at: datetime
    to_at: datetime
    rows: int
    content_hash: str


def releases() -> dict[str, str]:
    """The releases installed where the worker runs; empty where there is none."""
    found = {}
    for name in RELEASES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def sees(path: Path, size: int) -> bool:
    """Whether the worker reads the same file at `path`."""
    return path.is_file() and path.stat().st_size == size


def has_device(device: str) -> None:
    """Raises `UserError` where the worker's XGBoost would not compute on `device`."""
    check_device(device)


def pull(
    job: str, target: str, feature_set: FeatureSet, query: str, as_of: datetime | None,
    days: Sequence[Day],
) -> list[Path]:  # fmt: skip
    """Pull `days` with the snapshot's own query into files on the worker's disk.

    The engine is the worker's own profile's: no password travels. Raises `UserError` where a
    day differs from the snapshot's.
    """
    from clickward.models_ml.dataset.reading import Span
    from clickward.models_ml.dataset.snapshot import stream_day, write_rows
    from clickward.warehouse.connection import connection
    from clickward.warehouse.profile import find_project

    folder = _days(job)
    folder.mkdir()
    found = []
    with connection(find_project(target=target)) as warehouse:
        for number, day in enumerate(days):
            path = folder / f"{number:05}.parquet"
            span = Span(day.from_at, day.to_at)
            frames = stream_day(warehouse, feature_set, span, query, as_of)
            facts = write_rows(path, frames, feature_set, lambda rows: None)
            if facts["content_hash"] != day.content_hash:
                raise UserError(
                    f"{span} of {feature_set.name} has changed since the snapshot was pulled:"
                    f" expected {day.rows:,} rows with hash {day.content_hash[:12]}, found"
                    f" {facts['rows']:,} with {facts['content_hash'][:12]}",
                    "wait for the build to end, then train again",
                )
            found.append(path)
    return found


def drop(job: str) -> None:
    """Remove what `pull` wrote for a job, if anything."""
    shutil.rmtree(_days(job), ignore_errors=True)


def count(estimator: XGBoost, rows: Pieces, folds: np.ndarray) -> RateCounts:
    """How often each category stands in the worker's rows, by fold and label."""
    return estimator.count(rows, folds)


def boost(
    estimator: XGBoost,
    counts: RateCounts,
    rows: Pieces,
    folds: np.ndarray,
    meeting: dict[str, Any],
    rank: int,
    spills: bool,
) -> bytes | None:
    """Grow the trees together with the other workers; the first returns them as UBJSON.

    `counts` are of all rows. Bins lie on the worker's disk where `spills`.
    """
    from xgboost.collective import CommunicatorContext

    estimator.encode(rows.features, counts)
    place = tempfile.TemporaryDirectory(dir=_disk()) if spills else nullcontext()
    # Ranks follow the task's name, so that sums are always added in the same order.
    with place as spill, CommunicatorContext(**meeting, dmlc_task_id=f"{rank:06}"):
        grown = estimator.boost(rows, folds, Path(spill) if spill else None)
    return bytes(grown.save_raw("ubj")) if rank == 0 else None


def open_meeting(host: str, members: int) -> dict[str, Any]:
    """Start XGBoost's tracker, by which the members find each other; runs on the scheduler."""
    from threading import Thread

    from xgboost.tracker import RabitTracker

    tracker = RabitTracker(n_workers=members, host_ip=host, sortby="task", timeout=MEET)
    tracker.start()
    # The thread holds the tracker until every member has left.
    Thread(target=tracker.wait_for, daemon=True).start()
    return dict(tracker.worker_args())


def _days(job: str) -> Path:
    return Path(_disk(), f"clickward-days-{job}")


def _disk() -> str:
    """The folder that the worker was given for what does not fit in memory."""
    from distributed import get_worker

    folder = Path(get_worker().local_directory)
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)
