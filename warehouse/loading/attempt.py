"""One attempt at one file: what it has sent to raw so far."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from clickward.warehouse.connection import Warehouse, engine_errors
from clickward.warehouse.loading import ledger
from clickward.warehouse.loading.batch import Batch, RejectedLine
from clickward.warehouse.loading.columns import Matched
from clickward.warehouse.loading.csv_reader import CsvReader
from clickward.warehouse.loading.files import Format
from clickward.warehouse.loading.parquet_reader import ParquetReader
from clickward.warehouse.sources import Report

INSERT_BYTES = 64 << 20
INSERT_ROWS = 500_000
KEYED = re.compile(r"\w+=")


class Reader(Protocol):
    """What the readers of CSV and Parquet have in common."""

    rows_read: int
    matched: Matched

    def position(self) -> int: ...

    def records(self) -> int: ...

    def batches(self) -> Iterator[Batch]: ...

    def close(self) -> None: ...


class Meter(Protocol):
    """Where progress is told: bytes of the file, and words at the end of the line."""

    def advance(self, amount: int, extra: str = "") -> None: ...


def open_reader(path: Path, found: Format, report: Report, timezone: str) -> Reader:
    """The reader for what the file holds."""
    if found.kind == "parquet":
        return ParquetReader(path, report, timezone)
    return CsvReader(path, found.compression, report)


class Attempt:
    """Sends a file's rows in bounded inserts; `started_at` tells attempts at one load apart.

    Every row of an attempt carries the same `_loaded_at`, so each insert is one part of one
    partition, and is there as a whole or not at all.
    """

    def __init__(self, warehouse: Warehouse, report: Report, load_id: str, path: Path) -> None:
        now = datetime.now(UTC)
        self.started_at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        self.rows_loaded = 0
        self.rows_rejected = 0
        self.first_rejected: RejectedLine | None = None
        self._warehouse = warehouse
        self._table = warehouse.table(report.table.stage, report.table.name)
        self._rejected = warehouse.table("raw", ledger.REJECTED)
        self._load_id = load_id
        self._file = source_file(path)

    def insert_all(self, reader: Reader, meter: Meter) -> None:
        """Send every batch, several of them in one insert."""
        waiting: list[Batch] = []
        told = size = rows = 0
        for batch in reader.batches():
            waiting.append(batch)
            size += batch.rows.nbytes + sum(len(line.line) for line in batch.rejected)
            rows += batch.rows.num_rows + len(batch.rejected)
            if size >= INSERT_BYTES or rows >= INSERT_ROWS:
                self._insert(waiting)
                waiting, size, rows = [], 0, 0
            position = reader.position()
            meter.advance(position - told, f"{reader.rows_read:,} rows")
            told = position
        self._insert(waiting)

    def _insert(self, batches: list[Batch]) -> None:
        good = [batch for batch in batches if batch.rows.num_rows]
        if good:
            rows = pa.concat_tables([batch.rows for batch in good])
            self._send(self._table, rows, np.concatenate([batch.numbers for batch in good]))
            self.rows_loaded += rows.num_rows
        bad = [line for batch in batches for line in batch.rejected]
        if bad:
            self.first_rejected = self.first_rejected or bad[0]
            told = {
                name: [getattr(line, name) for line in bad]
                for name in ("reason", "expected", "line")
            }
            self._send(self._rejected, pa.table(told), [line.row for line in bad])
            self.rows_rejected += len(bad)

    def _send(self, table: str, rows: pa.Table, numbers: object) -> None:
        count = rows.num_rows
        lineage = {
            "_source_file": pa.repeat(self._file, count),
            "_source_row": pa.array(numbers, pa.uint64()),
            "_load_id": pa.repeat(self._load_id, count),
            "_loaded_at": pa.repeat(pa.scalar(self.started_at, pa.timestamp("ms", "UTC")), count),
        }
        for name, values in lineage.items():
            rows = rows.append_column(name, values)
        with engine_errors():
            # Rows of an insert that is only queued could not be counted right after it.
            self._warehouse.client.insert_arrow(table, rows, settings={"async_insert": 0})


def source_file(path: Path) -> str:
    """The path as lineage keeps it: from the working directory if it lies below, else as given.

    Folders such as `dt=2026-01-02` stay in it wherever the command ran: they tell when rows came.
    """
    absolute, here = path.absolute(), Path.cwd()
    kept = absolute.relative_to(here) if absolute.is_relative_to(here) else path
    layout = [place for place, part in enumerate(absolute.parts[:-1]) if KEYED.match(part)]
    if layout and len(absolute.parts) - layout[0] > len(kept.parts):
        kept = Path(*absolute.parts[layout[0] :])
    return str(kept)
