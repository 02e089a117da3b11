"""A snapshot file read in batches: what a family learns from when memory does not hold it all."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl

from clickward.models_ml.dataset.reading import rebatch
from clickward.models_ml.dataset.snapshot import check_rows, read_manifest_of
from clickward.models_ml.dataset.stretch import find_stretch, gather

# Rows of one batch; XGBoost keeps a batch's bins together as one page of its cache.
BATCH_ROWS = 131_072


@dataclass(frozen=True)
class Batch:
    """Some rows in order: features `(n, d)`, labels `(n,)`, the first one's place among all."""

    X: pl.DataFrame
    y: np.ndarray
    start: int


class Rows(Protocol):
    """Rows that can be gone through again and again, one batch in memory at a time."""

    @property
    def features(self) -> pl.DataFrame:
        """No rows of the features, with their names and types."""

    def __iter__(self) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class SnapshotRows:
    """The rows `[start, stop)` of a snapshot file, in its order; sequences are passed over.

    `offset` is the place of the file's first row among all rows, where the file is a part.
    """

    path: Path
    target: str
    start: int
    stop: int
    names: tuple[str, ...]
    offset: int = 0

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def features(self) -> pl.DataFrame:
        schema = pl.read_parquet_schema(self.path)
        return pl.DataFrame(schema={name: schema[name] for name in self.names})

    def between(self, start: int, stop: int) -> "SnapshotRows":
        """The rows `[start, stop)` of the same file."""
        return replace(self, start=start, stop=stop)

    def __iter__(self) -> Iterator[Batch]:
        place = self.offset + self.start
        for frame in rebatch(self._groups([*self.names, self.target]), BATCH_ROWS):
            labels = frame[self.target].to_numpy().astype(np.uint8)
            yield Batch(frame.select(self.names), labels, place)
            place += frame.height

    def labels(self) -> np.ndarray:
        """Labels `(n,)` of 0 and 1."""
        parts = [
            frame[self.target].to_numpy().astype(np.uint8) for frame in self._groups([self.target])
        ]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint8)

    def times(self) -> Iterator[np.ndarray]:
        """Event times as `datetime64[ms]` in UTC, a part at a time."""
        for frame in self._groups(["event_at"]):
            times = frame["event_at"].dt.replace_time_zone(None).to_numpy()
            yield times.astype("datetime64[ms]")

    def frames(self) -> Iterator[pl.DataFrame]:
        """Every column of the file, sequences too, a row group at a time."""
        return self._groups(None)

    def _groups(self, columns: list[str] | None) -> Iterator[pl.DataFrame]:
        """The file's row groups as far as they reach into `[start, stop)`."""
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.path) as file:
            begin = 0
            for number in range(file.num_row_groups):
                end = begin + file.metadata.row_group(number).num_rows
                first, last = max(self.start, begin), min(self.stop, end)
                if first < last:
                    found: Any = pl.from_arrow(file.read_row_group(number, columns))
                    yield found.slice(first - begin, last - first)
                begin = end


def snapshot_rows(path: Path) -> SnapshotRows:
    """All rows of a snapshot file. Raises `UserError` where file and manifest disagree."""
    manifest = read_manifest_of(path)
    schema = pl.read_parquet_schema(path)
    check_rows(path, file_rows(path), manifest)
    names = tuple(
        feature["name"]
        for feature in manifest["contract"]
        if not isinstance(schema[feature["name"]], pl.List)
    )
    return SnapshotRows(path, manifest["target"], 0, manifest["rows"], names)


def file_rows(path: Path) -> int:
    """How many rows a Parquet file has, by its footer."""
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


def split_time(rows: SnapshotRows, late_share: float) -> tuple[SnapshotRows, SnapshotRows]:
    """The rows before and from the instant at which the last `late_share` of the time in which they
    lie begins.
    """
    found = find_stretch(gather(rows.times()))
    cut = found.first + (found.last - found.first) * (1 - late_share)
    early = sum(int((times < cut).sum()) for times in rows.times())
    middle = rows.start + early
    return rows.between(rows.start, middle), rows.between(middle, rows.stop)
