"""Reads a CSV file in bounded batches of text columns."""

import csv
import io
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from clickward.warehouse.errors import UserError
from clickward.warehouse.loading.batch import Batch, Numbers, RejectedLine, shorten
from clickward.warehouse.loading.checks import check_rows
from clickward.warehouse.loading.columns import match_columns
from clickward.warehouse.loading.csv_stream import MARK, CsvStream, split_header
from clickward.warehouse.loading.files import Compression
from clickward.warehouse.sources import Report


class CsvReader:
    """One pass over a CSV file: `matched` from its header, then `batches`.

    `rows_read` counts the records given so far, refused ones included.
    """

    def __init__(self, path: Path, compression: Compression | None, report: Report) -> None:
        self.path = path
        self.rows_read = 0
        self._report = report
        self._stream = CsvStream(path, compression)
        try:
            self._blocks = self._stream.blocks()
            header, self._first = split_header(path, next(self._blocks, b""))
            self._header = self._fields(header)
            self.matched = match_columns(str(path), report, self._header)
        except BaseException:
            self._stream.close()
            raise

    def records(self) -> int:
        """How many records the file has besides its header, once all are read."""
        return self._stream.records - 1

    def position(self) -> int:
        """Bytes of the file on disk read so far."""
        return self._stream.position()

    def close(self) -> None:
        self._stream.close()

    def batches(self) -> Iterator[Batch]:
        """Batches of one block of the file each; rows are numbered by record, from 1."""
        yield self._batch(self._first)
        for block in self._blocks:
            yield self._batch(block)

    def _batch(self, block: bytes) -> Batch:
        table, invalid = self._parse(block)
        numbers = self._number(table.num_rows, invalid)
        positions = self.matched.positions
        batch = check_rows(
            self._report,
            pa.table([table.column(place) for place in positions.values()], names=list(positions)),
            numbers,
            partial(_line, table),
            MARK if self._stream.has_marks else None,
        )
        refused = [_wrong_width(row, self.rows_read) for row in invalid]
        batch.rejected = sorted(refused + batch.rejected, key=lambda line: line.row)
        self.rows_read += table.num_rows + len(invalid)
        return batch

    def _parse(self, block: bytes) -> tuple[pa.Table, list[arrow_csv.InvalidRow]]:
        """All columns of the records in `block`, as text, and those with another number of them."""
        names = [str(place) for place in range(len(self._header))]
        invalid: list[arrow_csv.InvalidRow] = []

        def keep(row: arrow_csv.InvalidRow) -> str:
            invalid.append(row)
            return "skip"

        if not block.strip(b"\r\n"):
            return pa.table([pa.array([], pa.string())] * len(names), names=names), invalid
        return self._texts(block, names, keep), invalid

    def _fields(self, header: bytes) -> list[str]:
        """The fields of the header, parsed as every other record is."""
        names = [str(place) for place in range(header.count(b",") + 1)]
        while True:
            wrong: list[arrow_csv.InvalidRow] = []

            def keep(row: arrow_csv.InvalidRow, wrong: list[arrow_csv.InvalidRow] = wrong) -> str:
                wrong.append(row)
                return "skip"

            table = self._texts(header, names, keep)
            if not wrong:
                return [column[0].as_py() for column in table.columns]
            # Commas inside quotes part no fields.
            names = names[: wrong[0].actual_columns]

    def _texts(
        self, block: bytes, names: list[str], keep: Callable[[arrow_csv.InvalidRow], str]
    ) -> pa.Table:
        try:
            return arrow_csv.read_csv(
                pa.BufferReader(block),
                # Only one thread numbers the records it refuses.
                arrow_csv.ReadOptions(
                    use_threads=False, block_size=len(block) + 1, column_names=names
                ),
                arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=keep),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=[],
                    strings_can_be_null=False,
                    check_utf8=False,
                ),
            )
        except pa.ArrowInvalid as error:
            raise UserError(f"{self.path}: cannot be read as CSV: {error}") from error

    def _number(self, count: int, invalid: list[arrow_csv.InvalidRow]) -> Numbers:
        """Record numbers of the block's `count` good rows: those that no bad row has."""
        first = self.rows_read + 1
        numbers = np.arange(first, first + count + len(invalid), dtype=np.uint64)
        return np.delete(numbers, [row.number - 1 for row in invalid]) if invalid else numbers


def _wrong_width(row: arrow_csv.InvalidRow, rows_before: int) -> RejectedLine:
    return RejectedLine(
        rows_before + row.number,
        "wrong_number_of_fields",
        f"{row.expected_columns} fields, not {row.actual_columns}",
        shorten(row.text.replace(MARK, "\ufffd")),
    )


def _line(table: pa.Table, row: int) -> str:
    """The record as CSV text, quoted only where it must be."""
    text = io.StringIO()
    csv.writer(text).writerow([column[row].as_py() for column in table.columns])
    return text.getvalue().removesuffix("\r\n")
