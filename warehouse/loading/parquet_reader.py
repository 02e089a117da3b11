"""Reads a Parquet file in bounded batches, every value as text."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
from pyarrow import parquet

from clickward.warehouse.errors import UserError
from clickward.warehouse.loading.batch import Batch
from clickward.warehouse.loading.checks import check_rows
from clickward.warehouse.loading.columns import match_columns
from clickward.warehouse.loading.csv_stream import MARK
from clickward.warehouse.sources import Report

BATCH_ROWS = 16_384
TEXT_TYPES = (
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.binary(),
    pa.large_binary(),
    pa.binary_view(),
)


class ParquetReader:
    """One pass over a Parquet file: `matched` from its schema, then `batches`."""

    def __init__(self, path: Path, report: Report, timezone: str) -> None:
        self.path = path
        self.rows_read = 0
        self._report = report
        self._timezone = timezone
        try:
            # Without pre-buffering, memory does not grow with the size of a row group.
            self._file = parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
        except (pa.ArrowInvalid, OSError) as error:
            raise UserError(
                f"{path}: found a Parquet file that is cut or damaged",
                "fetch the file again",
            ) from error
        self._names = self._file.schema_arrow.names
        self.matched = match_columns(str(path), report, self._names)

    def position(self) -> int:
        """Bytes read so far, judged by the rows."""
        total = self._file.metadata.num_rows or 1
        return self.path.stat().st_size * self.rows_read // total

    def close(self) -> None:
        self._file.close()

    def batches(self) -> Iterator[Batch]:
        """Batches of rows in file order, numbered from 1."""
        positions = self.matched.positions
        columns = [self._names[place] for place in positions.values()]
        for block in self._blocks(columns):
            arrays = {
                name: as_text(block.column(self._names[place]), self._timezone)
                for name, place in positions.items()
            }
            has_marks = any(
                compute.any(compute.match_substring(values, MARK)).as_py()
                for values in arrays.values()
            )
            first = self.rows_read + 1
            self.rows_read += block.num_rows
            rows = pa.table(arrays)
            yield check_rows(
                self._report,
                rows,
                np.arange(first, self.rows_read + 1, dtype=np.uint64),
                lambda row, rows=rows: _line(rows, row),  # type: ignore[misc]
                MARK if has_marks else None,
            )

    def _blocks(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._file.iter_batches(batch_size=BATCH_ROWS, columns=columns)
        except (pa.ArrowInvalid, OSError) as error:
            raise UserError(
                f"{self.path}: found a Parquet file damaged after row {self.rows_read:,}",
                "fetch the file again",
            ) from error


def as_text(values: pa.Array, timezone: str) -> pa.Array:
    """Values as the CSV export spells them; nulls as empty text.

    Instants are told on the clock of `timezone`, to the millisecond where they have a fraction.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.dictionary_decode()
        kind = values.type
    if pa.types.is_nested(kind):
        texts = pa.array([_json(value) for value in values.to_pylist()], pa.string())
    elif pa.types.is_timestamp(kind):
        texts = _times(values, timezone)
    elif kind in TEXT_TYPES:
        texts = _texts(values)
    elif pa.types.is_floating(kind):
        # Whole numbers without `.0`, as ids and counts come when a column has nulls.
        texts = compute.replace_substring_regex(compute.cast(values, pa.string()), r"\.0$", "")
    else:
        texts = compute.cast(values, pa.string())
    return compute.fill_null(texts, "") if texts.null_count else texts


def _texts(values: pa.Array) -> pa.Array:
    """Text as it is where it is UTF-8: Parquet does not enforce what it declares."""
    texts = values.cast(pa.large_binary()).cast(pa.large_string(), safe=False)
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        raw = values.cast(pa.large_binary()).to_pylist()
        decoded = [None if v is None else v.decode("utf-8", "clickward-mark") for v in raw]
        return pa.array(decoded, pa.string())
    return texts.cast(pa.string())


def _times(values: pa.Array, timezone: str) -> pa.Array:
    if values.type.tz is not None:
        values = compute.local_timestamp(values.cast(pa.timestamp(values.type.unit, timezone)))
    values = values.cast(pa.timestamp("ms"), safe=False)
    return compute.replace_substring_regex(
        compute.strftime(values, "%Y-%m-%d %H:%M:%S"), r"\.000$", ""
    )


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, default=str, ensure_ascii=False)


def _line(rows: pa.Table, row: int) -> str:
    """The row as JSON, without its empty values."""
    values = {name: rows.column(name)[row].as_py() for name in rows.column_names}
    return json.dumps({k: v for k, v in values.items() if v != ""}, ensure_ascii=False)
