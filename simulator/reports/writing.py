"""Reports on disk, in the layout of AppsFlyer's Data Locker: a folder per report and day.

A file holds what happened on one day and arrived on one: `dt` is the day of arrival, the file's
number the days it took. So no day waits for another, and memory does not grow with the span.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from clickward.simulator.randomness import Ints
from clickward.simulator.reports.columns import REPORTS
from clickward.simulator.reports.render import Columns, take
from clickward.simulator.reports.text import absent

ROW_GROUP = 65_536


@dataclass
class Written:
    """What was written: rows, files and bytes."""

    rows: int = 0
    files: int = 0
    bytes: int = 0

    def __iadd__(self, other: "Written") -> "Written":
        self.rows += other.rows
        self.files += other.files
        self.bytes += other.bytes
        return self


def write_day(
    out: Path, start: date, report: str, day: int, columns: Columns, lateness: Ints
) -> Written:
    """Write a report's rows of one day of the span, each `lateness` days after the day."""
    written = Written()
    for late in np.unique(lateness).tolist():
        rows = np.flatnonzero(lateness == late)
        mine = columns if len(rows) == len(lateness) else take(columns, rows)
        arrived = start + timedelta(days=day + late)
        folder = out / f"t={report}" / f"dt={arrived.isoformat()}"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"part-{late:05d}.parquet"
        table = _table(report, mine, len(rows))
        coded = [f.name for f in table.schema if pa.types.is_dictionary(f.type)]
        parquet.write_table(
            table,
            path,
            row_group_size=ROW_GROUP,
            compression="zstd",
            compression_level=1,
            use_dictionary=coded,
            write_statistics=False,
            store_schema=False,
        )
        written += Written(len(rows), 1, path.stat().st_size)
    return written


def _table(report: str, columns: Columns, count: int) -> pa.Table:
    """Columns in report order; those the world does not know are null."""
    nothing = absent(count)
    return pa.table({name: columns.get(name, nothing) for name in REPORTS[report]})


def lateness(rng: np.random.Generator, day: int, count: int, late_share: float) -> Ints:
    """Days from event to arrival: mostly none; a day's late rows come together, 1 or 2 days on."""
    late = rng.random(count) < late_share
    return np.where(late, late_batch(day), 0)


def late_batch(day: int) -> int:
    """How many days after a day of the span its late rows arrive."""
    return 1 + day % 2


def with_duplicates(
    rng: np.random.Generator, day: int, columns: Columns, late: Ints, share: float
) -> tuple[Columns, Ints]:
    """Rows with some of them twice; half of the repeats arrive with the late ones."""
    count = len(late)
    repeated = np.flatnonzero(rng.random(count) < share)
    again = np.where(rng.random(len(repeated)) < 0.5, late_batch(day), 0)
    rows = np.concatenate([np.arange(count), repeated])
    return take(columns, rows), np.concatenate([late, np.maximum(late[repeated], again)])
