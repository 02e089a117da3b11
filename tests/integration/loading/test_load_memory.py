"""Memory of a load is bounded in bytes, whatever a file unpacks to, measured on a real process."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

CHILD = Path(__file__).with_name("memory_child.py")
COUNT = 16_384
BIG = "x" * 40_000
# What reading may add to an idle process, in MiB: some batches of 32 MiB, in several copies.
MOST = 500
# A whole column chunk is one page.
ONE_PAGE = {
    "compression": "zstd", "dictionary_pagesize_limit": 1 << 30, "data_page_size": 1 << 30,
    "write_batch_size": 1 << 20,
}  # fmt: skip
HEADER = b"install_time,appsflyer_id,app_id\n"

Make = Callable[[Path], None]


def table(count: int = COUNT, options: dict[str, Any] | None = None, **columns: Any) -> Make:
    """Writes a Parquet file of good rows with some columns more."""

    def write(path: Path) -> None:
        made = {
            "install_time": ["2026-01-02 03:04:05"] * count,
            "appsflyer_id": [str(number) for number in range(count)],
            "app_id": ["a"] * count,
        }
        parquet.write_table(
            pa.table(made | {name: column() for name, column in columns.items()}),
            path,
            store_schema=False,
            **(options or {}),
        )

    return write


def packed(piece: bytes, times: int) -> Make:
    """Writes a CSV file of one piece over and over, packed a thousandfold."""
    return lambda path: path.write_bytes(gzip.compress(HEADER + piece * times)) and None


def repeated() -> pa.Array:
    indices = pa.array(np.zeros(COUNT, dtype=np.int32))
    return pa.DictionaryArray.from_arrays(indices, pa.array([BIG]))


def distinct(width: int) -> Callable[[], pa.Array]:
    """One value a row, of `width` bytes each, in one dictionary."""

    def make() -> pa.Array:
        texts = pa.array([f"{number:0{width}}" for number in range(COUNT)])
        return pa.DictionaryArray.from_arrays(pa.array(np.arange(COUNT, dtype=np.int32)), texts)

    return make


def deltas() -> dict[str, Any]:
    plain = dict.fromkeys(("install_time", "appsflyer_id", "app_id"), "PLAIN")
    return {"use_dictionary": False, "column_encoding": plain | {"city": "DELTA_BYTE_ARRAY"}}


# What the file holds, its rows, those refused, and the error.
FILES: dict[str, tuple[Make, int, int, str]] = {
    # 40 KB in a dictionary, named 16,384 times: 640 MB a column.
    "dictionary.parquet": (table(city=repeated), COUNT, 0, ""),
    "dictionaries.parquet": (table(city=repeated, region=repeated, ip=repeated), COUNT, 0, ""),
    "plain.parquet": (
        table(
            options={"use_dictionary": False, "compression": "zstd"},
            city=lambda: pa.array([BIG] * COUNT),
        ),
        COUNT, 0, "",
    ),
    "deltas.parquet": (table(options=deltas(), city=lambda: pa.array([BIG] * COUNT)), COUNT, 0, ""),
    # Pages are unpacked whole: one of 64 MB, two of 320 MB, one of 1.3 GB.
    "large_dictionary.parquet": (table(options=ONE_PAGE, city=distinct(4_000)), COUNT, 0, ""),
    "larger_dictionaries.parquet": (
        table(options=ONE_PAGE, city=distinct(20_000), region=distinct(20_000)),
        0, 0, "found pages that unpack to 625 MiB at once, expected 512 MiB at most",
    ),
    "page.parquet": (
        table(
            options=ONE_PAGE | {"use_dictionary": False}, city=lambda: pa.array([BIG * 2] * COUNT)
        ),
        0, 0, "found pages that unpack to 1,250 MiB at once, expected 512 MiB at most",
    ),
    "lists.parquet": (table(fraud_reasons=lambda: pa.array([[BIG] * 2] * COUNT)), COUNT, 0, ""),
    "long_value.parquet": (
        table(3, city=lambda: pa.array(["x" * (9 << 20)] * 3)),
        0, 0, "found a value of 9 MiB in the column city, expected 8 MiB at most",
    ),
    "short_rows.csv.gz": (packed(b"x\n", 1_000_000), 0, 1_000_000, ""),
    "blank_lines.csv.gz": (packed(b"\n", 100_000_000), 0, 0, ""),
    "line.csv.gz": (
        packed(b"a", 100_000_000),
        0, 0, "found a record of more than 8 MiB before line 3",
    ),
    "quotes.csv.gz": (
        packed(b'"', 100_000_000),
        0, 0, "found a record of more than 8 MiB before line 3",
    ),
    "open_quote.csv.gz": (
        packed(b'"a', 50_000_000),
        0, 0, "line 2: a quoted field has text after its closing quote, expected fields quoted"
        " as in RFC 4180",
    ),
    "header.csv.gz": (
        lambda path: path.write_bytes(gzip.compress(b"a," * 50_000_000)) and None,
        0, 0, "found a record of more than 8 MiB before line 2",
    ),
}  # fmt: skip
QUICK = ("dictionary.parquet", "quotes.csv.gz", "short_rows.csv.gz")


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in QUICK else pytest.mark.full) for n in FILES],
)
def test_peak_of_memory(name: str, tmp_path: Path) -> None:
    make, rows, refused, error = FILES[name]
    path = tmp_path / name
    make(path)
    assert path.stat().st_size < 2 << 20
    child = subprocess.run(
        [sys.executable, str(CHILD), str(path)], capture_output=True, text=True, timeout=240
    )
    assert child.returncode == 0, child.stderr
    found = json.loads(child.stdout)
    assert (found["rows"], found["refused"], found["error"]) == (rows, refused, error)
    assert found["peak"] - found["base"] < MOST, found
