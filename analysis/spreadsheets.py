"""Files that people open in a spreadsheet: text stays text, and is never run as a formula.

A cell that begins with = + - or @, also in full width or after spaces, quotes or control
characters, is a formula to one spreadsheet or another (CWE-1236). In CSV an apostrophe before it
makes it text; XLSX says itself what is text. Columns of numbers are left alone.
"""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from clickward.warehouse.errors import UserError

# What a spreadsheet may skip before a formula: spaces, quotes, control and invisible characters.
SKIPPED = (
    r"[\s\x00-\x20\x7f\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060\u3000\ufeff"
    r"\"'`\u2018\u2019\u201c\u201d\uff02\uff07]*"
)
SIGNS = r"[=+\-@\uff1d\uff0b\uff0d\uff20\u2212\ufe62\ufe63\ufe66\ufe6b]"
FORMULA = re.compile(rf"^(?:[\t\r\n]|{SKIPPED}{SIGNS})")
MOST_ROWS, LONGEST_TEXT = 1_048_575, 32_767
# Text as it is: no formulas, no links, no numbers made of it.
PLAIN = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": True,
}


def as_text(value: Any) -> Any:
    """A text that a spreadsheet takes for a formula with an apostrophe before it; else `value`."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def write_csv(rows: pl.DataFrame, path: Path) -> None:
    """Write a frame as CSV for spreadsheets, UTF-8; unknown is nothing."""
    write_csv_rows(rows.columns, rows.iter_rows(named=True), path)


def write_csv_rows(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write `columns` of rows as CSV for spreadsheets, UTF-8; unknown is nothing."""
    with path.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines)
        writer.writerow([as_text(name) for name in columns])
        writer.writerows([as_text(row[name]) for name in columns] for row in rows)


def write_xlsx(rows: pl.DataFrame, path: Path, worksheet: str = "claim") -> None:
    """Write a frame as an Excel workbook in which every text is text.

    Raises `UserError` where a sheet cannot hold it.
    """
    from xlsxwriter import Workbook  # type: ignore[import-untyped]

    lengths = rows.select(pl.col(pl.String).str.len_chars().max()).rows()
    longest = max((int(n or 0) for row in lengths for n in row), default=0)
    if rows.height > MOST_ROWS or longest > LONGEST_TEXT:
        raise UserError(
            f"{path.suffix} holds {MOST_ROWS:,} rows and texts of {LONGEST_TEXT:,} characters,"
            f" found {rows.height:,} and {longest:,}",
            "name the file .csv",
        )
    with Workbook(path, PLAIN) as workbook:
        rows.write_excel(workbook, worksheet=worksheet, autofit=True)
