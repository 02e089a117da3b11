"""Reads a Parquet file in bounded batches, every value as text."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute

from clickward.warehouse.errors import UserError
from clickward.warehouse.loading.batch import Batch
from clickward.warehouse.loading.checks import check_rows
from clickward.warehouse.loading.columns import match_columns
from clickward.warehouse.loading.csv_stream import MARK
from clickward.warehouse.loading.parquet_pages import Damaged, is_signed, opened
from clickward.warehouse.loading.parquet_size import BATCH_BYTES, BATCH_ROWS, blocks, open_file
from clickward.warehouse.loading.parquet_text import as_text, refuse_intervals, refuse_types
from clickward.warehouse.sources import Report


class ParquetReader:
    """One pass over a Parquet file: `matched` from its schema, then `batches`."""

    def __init__(self, path: Path, report: Report, timezone: str) -> None:
        self.path = path
        self.rows_read = 0
        self._report = report
        self._timezone = timezone
        try:
            self._file = open_file(path)
            self._names = self._file.schema_arrow.names
        except UnicodeDecodeError as error:
            raise UserError(
                f"{path}: found a Parquet file with a column name that is not UTF-8",
                "fetch the file again: it is damaged",
            ) from error
        except (pa.ArrowException, OSError) as error:
            raise UserError(
                f"{path}: found a Parquet file that is cut or damaged",
                "fetch the file again",
            ) from error
        with opened(path) as content:
            if is_signed(content, self._file.metadata):
                raise UserError(
                    f"{path}: found a Parquet file with encrypted columns", "decrypt it first"
                )
        self.matched = match_columns(str(path), report, self._names)
        self._columns = [self._names[place] for place in self.matched.positions.values()]
        refuse_types(str(path), self._file.schema_arrow, self._columns)
        refuse_intervals(str(path), self._file.metadata.schema, self._columns)

    def records(self) -> int:
        """How many rows the file's own footer counts."""
        return int(self._file.metadata.num_rows)

    def position(self) -> int:
        """Bytes read so far, judged by the rows."""
        total = self._file.metadata.num_rows or 1
        return self.path.stat().st_size * self.rows_read // total

    def close(self) -> None:
        self._file.close()

    def batches(self) -> Iterator[Batch]:
        """Batches of rows in file order, numbered from 1."""
        for rows in _gathered(self._texts()):
            has_marks = any(
                compute.any(compute.match_substring(rows.column(name), MARK)).as_py()
                for name in rows.column_names
            )
            first = self.rows_read + 1
            self.rows_read += rows.num_rows
            yield check_rows(
                self._report,
                rows,
                np.arange(first, self.rows_read + 1, dtype=np.uint64),
                lambda row, rows=rows: _line(rows, row),  # type: ignore[misc]
                MARK if has_marks else None,
            )

    def _text(self, name: str, values: pa.Array) -> pa.Array:
        try:
            return as_text(values, self._timezone)
        except KeyError as error:
            raise UserError(
                f"{self.path}: the column {name} has a map with a key more than once, after row"
                f" {self.rows_read:,}; expected every key once",
                "write it as a list of keys and values, or as JSON text",
            ) from error

    def _texts(self) -> Iterator[pa.Table]:
        names = list(self.matched.positions)
        try:
            for block in blocks(self._file, self.path, self._columns):
                texts = [self._text(name, block.column(name)) for name in self._columns]
                yield pa.table(texts, names=names)
        except (pa.ArrowException, OSError, UnicodeDecodeError, Damaged) as error:
            raise UserError(
                f"{self.path}: found a Parquet file damaged after row {self.rows_read:,}"
                f" ({type(error).__name__}: {' '.join(str(error).split())[:200]})",
                "fetch the file again",
            ) from error


def _gathered(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Small tables joined, so that each is worth the checks it goes through."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if (
            sum(one.num_rows for one in waiting) >= BATCH_ROWS
            or sum(one.nbytes for one in waiting) >= BATCH_BYTES
        ):
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)


def _joined(tables: list[pa.Table]) -> pa.Table:
    return tables[0] if len(tables) == 1 else pa.concat_tables(tables).combine_chunks()


def _line(rows: pa.Table, row: int) -> str:
    """The row as JSON, without its empty values."""
    values = {name: rows.column(name)[row].as_py() for name in rows.column_names}
    return json.dumps({k: v for k, v in values.items() if v != ""}, ensure_ascii=False)
