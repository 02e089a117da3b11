"""A snapshot learnt from by the workers of a Dask cluster."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl

from clickward.models_ml.dataset.batches import SnapshotRows, snapshot_rows
from clickward.models_ml.dataset.snapshot import Snapshot
from clickward.models_ml.estimators import Estimator
from clickward.models_ml.estimators.preparation.rates import RateCounts
from clickward.models_ml.training.cluster import worker
from clickward.models_ml.training.cluster.connecting import Cluster
from clickward.models_ml.training.cluster.worker import Day, Pieces
from clickward.models_ml.training.learners import LIMITS, FromSnapshot, Limits, folds_of
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.content import ContentHash
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.durations import parse_instant
from clickward.warehouse.errors import UserError
from clickward.warehouse.log import log


@dataclass(frozen=True)
class Share:
    """One worker's number, its rows, and where each part of them begins among all rows."""

    worker: int
    pieces: Pieces
    places: tuple[int, ...]

    def of(self, values: np.ndarray) -> np.ndarray:
        """The worker's own of values `(n,)` of all rows."""
        return np.concatenate(
            [
                values[place : place + len(part)]
                for place, part in zip(self.places, self.pieces.parts, strict=True)
            ]
        )


class Source(Protocol):
    """Where workers read: gives each its share of the first `stop` rows, none an empty one."""

    def shares(self, stop: int) -> list[Share]:
        """The shares, in the order of the workers."""
        ...


@dataclass(frozen=True)
class SharedFile:
    """The snapshot file on a disk that all workers see: each reads its own row groups."""

    rows: SnapshotRows
    workers: int

    def shares(self, stop: int) -> list[Share]:
        """Equal stretches in order of time."""
        ends = [stop * k // self.workers for k in range(self.workers + 1)]
        stretches = [(a, b) for a, b in pairwise(ends) if a < b]
        return [
            Share(number, Pieces((self.rows.between(a, b),)), (a,))
            for number, (a, b) in enumerate(stretches)
        ]


@dataclass(frozen=True)
class PulledDays:
    """Days that workers pulled from the engine onto their own disks."""

    # For each worker its days: the file, and the place of its first row among all rows.
    days: tuple[tuple[tuple[SnapshotRows, int], ...], ...]

    def shares(self, stop: int) -> list[Share]:
        """Of each worker's days what lies before `stop`."""
        found = []
        for number, days in enumerate(self.days):
            kept = [
                (rows.between(0, min(len(rows), stop - place)), place)
                for rows, place in days
                if place < stop
            ]
            if kept:
                parts, places = zip(*kept, strict=True)
                found.append(Share(number, Pieces(parts), places))
        return found


@dataclass(frozen=True)
class OnCluster(FromSnapshot):
    """Learnt from by every worker of a cluster together."""

    cluster: Cluster
    reads: Source
    limits: Limits

    def _learn(self, estimator: Estimator, rows: SnapshotRows) -> None:
        """Count categories on every worker, add the counts up, then grow trees together."""
        from sklearn.base import clone

        shares = self.reads.shares(len(rows))
        folds = folds_of(estimator, rows)
        on = [share.worker for share in shares]
        placed = self.cluster.place([share.of(folds) for share in shares], on)
        pairs = list(zip(shares, placed, strict=True))
        plain = clone(estimator)
        counted: list[RateCounts] = self.cluster.run(
            worker.count, [(plain, share.pieces, own) for share, own in pairs], on
        )
        counts = counted[0]
        for more in counted[1:]:
            counts = counts + more
        estimator.encode(rows.features, counts)
        widest = max(len(share.pieces) for share in shares) * len(rows.names)
        meeting = self._open_meeting(len(shares))
        grown = self.cluster.run(
            worker.boost,
            [
                (plain, counts, share.pieces, own, meeting, rank, widest > self.limits.binned)
                for rank, (share, own) in enumerate(pairs)
            ],
            on,
        )
        estimator.take(grown[0])

    def _open_meeting(self, members: int) -> dict[str, Any]:
        from distributed.comm import get_address_host

        client = self.cluster.client
        host = get_address_host(client.scheduler.address)
        return client.run_on_scheduler(worker.open_meeting, host, members)


@contextmanager
def learner_on(
    cluster: Cluster,
    warehouse: Warehouse,
    feature_set: FeatureSet,
    snapshot: Snapshot,
    limits: Limits = LIMITS,
) -> Iterator[OnCluster]:
    """A learner whose workers pull their own days or, of the embedded engine, read the file.

    One process at a time holds an embedded store, so its workers read the snapshot, which must
    lie where all see it. Raises `UserError` where one does not.
    """
    rows = replace(snapshot_rows(snapshot.path), path=snapshot.path.resolve())
    if warehouse.target.is_embedded:
        _check_seen(cluster, rows.path)
        log(f"{len(cluster)} Dask worker(s) read {rows.path.name} by row groups")
        yield OnCluster(rows, cluster, SharedFile(rows, len(cluster)), limits)
        return
    job = uuid.uuid4().hex
    try:
        reads = _pull(cluster, job, warehouse, feature_set, rows, snapshot.manifest)
        yield OnCluster(rows, cluster, reads, limits)
    finally:
        # A worker that is gone took its files along; why it went is told already.
        with suppress(UserError):
            cluster.run(worker.drop, [(job,)] * len(cluster))


def _pull(
    cluster: Cluster,
    job: str,
    warehouse: Warehouse,
    feature_set: FeatureSet,
    rows: SnapshotRows,
    manifest: dict[str, Any],
) -> PulledDays:
    days = days_of(rows, manifest)
    owned = deal(days, len(cluster))
    log(f"{len(owned)} Dask worker(s) pull {len(days)} day(s) from {warehouse.target.name}")
    as_of = manifest["as_of"]
    cut_off = None if as_of is None else parse_instant(as_of)
    asked = (job, warehouse.target.name, feature_set, manifest["query"], cut_off)
    given = [(*asked, [day for day, _ in mine]) for mine in owned]
    pulled = cluster.run(worker.pull, given)
    parts = tuple(
        tuple(
            (replace(rows, path=path, start=0, stop=day.rows), place)
            for path, (day, place) in zip(paths, mine, strict=True)
        )
        for paths, mine in zip(pulled, owned, strict=True)
    )
    return PulledDays(parts)


def deal(days: list[tuple[Day, int]], workers: int) -> list[list[tuple[Day, int]]]:
    """The days of each worker, in order of time: the largest first to who has the least."""
    owned: list[list[tuple[Day, int]]] = [[] for _ in range(min(workers, len(days)))]
    for day in sorted(days, key=lambda one: (-one[0].rows, one[1])):
        least = min(range(len(owned)), key=lambda k: (sum(d.rows for d, _ in owned[k]), k))
        owned[least].append(day)
    return [sorted(mine, key=lambda one: one[1]) for mine in owned]


def days_of(rows: SnapshotRows, manifest: dict[str, Any]) -> list[tuple[Day, int]]:
    """Each UTC day of a snapshot file with its content's hash, and the place of its first row."""
    bounds = parse_instant(manifest["from"]), parse_instant(manifest["to"])
    found: list[tuple[datetime, ContentHash]] = []
    for frame in rows.frames():
        for (day,), part in frame.group_by(pl.col("event_at").dt.date(), maintain_order=True):
            start = datetime.combine(day, time(), UTC)
            if not found or found[-1][0] != start:
                found.append((start, ContentHash()))
            found[-1][1].update(part)
    days, place = [], 0
    for start, content in found:
        from_at = max(start, bounds[0])
        to_at = min(start + timedelta(days=1), bounds[1])
        days.append((Day(from_at, to_at, content.rows, content.hexdigest()), place))
        place += content.rows
    return days


def _check_seen(cluster: Cluster, path: Path) -> None:
    given = [(path, path.stat().st_size)] * len(cluster)
    for address, is_seen in zip(cluster.workers, cluster.run(worker.sees, given), strict=True):
        if not is_seen:
            raise UserError(
                f"the Dask worker {address} does not see the snapshot {path}",
                "keep the project on a disk that all workers share, or use --target server,"
                " where each worker pulls its own days",
            )
