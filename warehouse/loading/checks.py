"""What every row must fulfil before it may enter raw."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from clickward.warehouse.loading.batch import Batch, Numbers, RejectedLine, shorten
from clickward.warehouse.sources import Report

DATE = r"\d{4}-\d\d-\d\d"
TIME = r" \d\d:\d\d:\d\d(\.\d{1,6})?"
PATTERNS = {"datetime": f"^{DATE}{TIME}$", "date": f"^{DATE}({TIME})?$"}
WORDS = {"datetime": "YYYY-MM-DD HH:MM:SS", "date": "YYYY-MM-DD or YYYY-MM-DD HH:MM:SS"}

# What staging trims.
WHITE = " \t\r\n"

Mask = npt.NDArray[np.bool_]


def check_rows(
    report: Report,
    rows: pa.Table,
    numbers: Numbers,
    line: Callable[[int], str],
    mark: str | None = None,
) -> Batch:
    """Part the rows that may enter raw from those that may not.

    `line(i)` gives row i as it was received; `mark` is the text that stands for bytes that were
    not UTF-8, None where there were none. A row with several faults is told the first.
    """
    refused = np.zeros(rows.num_rows, dtype=bool)
    rejected: list[RejectedLine] = []

    def refuse(faulty: Mask, reason: str, expected: str) -> None:
        new = faulty & ~refused
        refused[:] |= new
        for index in np.flatnonzero(new).tolist():
            text = shorten(line(index).replace(mark, "\ufffd") if mark else line(index))
            rejected.append(RejectedLine(int(numbers[index]), reason, expected, text))

    for name in rows.column_names:
        column = report.columns[name]
        # What is optional enters raw as it is: staging makes NULL of what it cannot read.
        needs_value = column.is_required and not column.may_be_empty
        if not (needs_value or mark):
            continue
        values = pl.Series(name, rows.column(name))
        if mark:
            refuse(_mask(values.str.contains(mark, literal=True)), "invalid_utf8", "UTF-8 text")
        if needs_value and column.format:
            wrong = ~is_time(values.str.strip_chars(WHITE), column.format)
            refuse(_mask(wrong), "invalid_datetime", f"{name} as {WORDS[column.format]}")
        elif needs_value:
            refuse(_mask(values == ""), "missing_value", f"a value in {name}")
    if not rejected:
        return Batch(rows, numbers)
    kept = ~refused
    return Batch(rows.filter(pa.array(kept)), numbers[kept], rejected)


def is_time(values: pl.Series, form: str = "datetime") -> pl.Series:
    """True where the text is a time of the calendar: `2017-11-07 09:30:38`, at most `.ffffff`.

    With the form `date` the time of day may be left out.
    """
    exists = values.str.head(19).str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False).is_not_null()
    if form == "date":
        is_date = values.str.to_date("%Y-%m-%d", strict=False).is_not_null()
        exists |= is_date & (values.str.len_bytes() == 10)
    return values.str.contains(PATTERNS[form]) & exists


def _mask(values: pl.Series) -> Mask:
    return values.to_numpy()
