"""Reports on disk, in the layout of AppsFlyer's Data Locker: a folder per report and day."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from simulator.columns import REPORTS
from simulator.randomness import Ints


@dataclass
class ReportWriter:
    """Writes one report by day of arrival; rows of days still open wait in memory."""

    out: Path
    report: str
    start: date
    rows: int = 0
    files: int = 0
    bytes: int = 0
    _waiting: dict[int, list[pl.DataFrame]] = field(default_factory=dict)

    def add(self, rows: pl.DataFrame, arrival_days: Ints) -> None:
        """Take rows, each with its day of arrival counted from the start of the span."""
        for day in np.unique(arrival_days).tolist():
            mine = rows.filter(pl.Series(arrival_days == day))
            self._waiting.setdefault(day, []).append(mine)

    def close_days(self, before: int | None = None) -> None:
        """Write the days before `before`, or every day left, as one Parquet file each."""
        ready = sorted(day for day in self._waiting if before is None or day < before)
        for day in ready:
            rows = pl.concat(self._waiting.pop(day)).select(REPORTS[self.report])
            arrived = self.start + timedelta(days=day)
            folder = self.out / f"t={self.report}" / f"dt={arrived.isoformat()}"
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / "part-00000.parquet"
            rows.write_parquet(path)
            self.rows += rows.height
            self.files += 1
            self.bytes += path.stat().st_size


def arrival_delays(rng: np.random.Generator, count: int, late_share: float) -> Ints:
    """Days from event to arrival: mostly none, for a small share one or two."""
    late = rng.random(count) < late_share
    return np.where(late, rng.integers(1, 3, count), 0)
