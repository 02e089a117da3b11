"""Every type of a Parquet column as text; the expected texts are Python's own arithmetic."""

import json
import random
import struct
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from pyarrow import parquet

from clickward.warehouse.errors import UserError
from clickward.warehouse.loading.batch import Batch
from clickward.warehouse.loading.parquet_reader import ParquetReader
from clickward.warehouse.loading.parquet_text import as_text, refuse_types
from clickward.warehouse.sources import Column, Report, Table


def text(values: Any, kind: pa.DataType | None = None, timezone: str = "UTC") -> list[str]:
    return as_text(pa.array(values, kind), timezone).to_pylist()  # type: ignore[no-any-return]


def digits(number: float) -> str:
    """What a float is, written out: whole numbers exactly, others as Python reads them back."""
    if number == int(number):
        return str(int(number))
    return format(Decimal(repr(number)), "f")


def test_whole_floats_are_their_digits() -> None:
    rng = random.Random(12)
    numbers = [356938035643809.0, 1e5, 1e15, 2.0**53, 2.0**60, -0.0, 1e22, 123456789012345678.0]
    numbers += [float(rng.randrange(10 ** rng.randrange(1, 30))) for _ in range(500)]
    assert text(numbers) == [digits(number) for number in numbers]
    assert text([356938035643809.0]) == ["356938035643809"]
    single = [struct.unpack("f", struct.pack("f", number))[0] for number in numbers]
    assert text(single, pa.float32()) == [digits(number) for number in single]
    assert text([2.0, None, 1.5], pa.float16()) == ["2", "", "1.5"]


def test_other_floats_have_no_exponent() -> None:
    rng = random.Random(13)
    numbers = [0.1, 1.5e-7, 123456.7, 0.53] + [
        rng.uniform(-1, 1) * 10 ** rng.randrange(-20, 12) for _ in range(500)
    ]
    assert text(numbers) == [digits(number) for number in numbers]
    assert text([float("nan"), None, float("inf"), 1.5]) == ["", "", "inf", "1.5"]


def test_decimals_are_digits_without_idle_zeros() -> None:
    numbers = [Decimal("1.50"), Decimal("0.00"), Decimal("356938035643809.00"), None]
    assert text(numbers, pa.decimal128(20, 2)) == ["1.5", "0", "356938035643809", ""]
    assert text([Decimal(100)], pa.decimal128(20, 0)) == ["100"]
    assert text([Decimal("1E-9"), Decimal(100)], pa.decimal256(40, 12)) == ["0.000000001", "100"]


def test_bytes_and_ids() -> None:
    one = uuid.UUID("aaaaaaaa-0000-4000-8000-000000000001")
    assert text([one.bytes, None], pa.uuid()) == [str(one), ""]
    assert text([b"ab", None], pa.binary(2)) == ["ab", ""]
    assert text([b"\xff\xfe"], pa.binary(2)) == ["\ufdd0\ufdd0"]
    assert text([True, None, False]) == ["true", "", "false"]
    assert text([2**64 - 1], pa.uint64()) == ["18446744073709551615"]
    assert text([None, None], pa.null()) == ["", ""]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_of_the_calendar_and_numbers_that_are_none(unit: str) -> None:
    moment = datetime(2026, 7, 5, 10, 0, 0, tzinfo=UTC)
    there = moment.astimezone(ZoneInfo("Asia/Kolkata")).strftime("%Y-%m-%d %H:%M:%S")
    assert text([moment, None], pa.timestamp(unit, "UTC"), "Asia/Kolkata") == [there, ""]
    assert text([moment.replace(tzinfo=None)], pa.timestamp(unit), "Asia/Kolkata") == [
        "2026-07-05 10:00:00"
    ]
    # As of before 1 and after 9999: told as the number, which no check takes for a time.
    far = [-(2**62), 2**62]
    if unit in ("s", "ms", "us"):
        assert text(far, pa.timestamp(unit)) == [str(number) for number in far]


def test_dates_and_times_of_day() -> None:
    assert text([date(2026, 1, 9), None], pa.date32()) == ["2026-01-09", ""]
    assert text([date(2026, 1, 9)], pa.date64()) == ["2026-01-09"]
    assert text([time(1, 2, 3)], pa.time32("s")) == ["01:02:03"]


def test_nested_values_are_json() -> None:
    found = text([[1.0, 356938035643809.0, float("nan"), 0.5], None, []])
    assert [json.loads(one) if one else one for one in found] == [
        [1, 356938035643809, None, 0.5], "", [],
    ]  # fmt: skip
    assert found[0] == "[1, 356938035643809, null, 0.5]"
    pairs = pa.map_(pa.string(), pa.decimal128(9, 2))
    assert text([[("k", Decimal("1.50"))], None], pairs) == ['{"k": "1.5"}', ""]
    both = [{"a": b"x", "t": datetime(2026, 1, 2, 3, 4, 5), "u": None}]
    assert text(both) == ['{"a": "x", "t": "2026-01-02 03:04:05", "u": null}']
    assert text([["a", "b"], None]) == ['["a", "b"]', ""]
    assert as_text(pa.array(["x", None, "x"]).dictionary_encode(), "UTC").to_pylist() == [
        "x", "", "x",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "kind", [pa.duration("s"), pa.list_(pa.duration("s")), pa.month_day_nano_interval()]
)
def test_types_without_a_text_are_refused(kind: pa.DataType) -> None:
    schema = pa.schema([("a", pa.string()), ("b", kind)])
    refuse_types("f.parquet", schema, ["a"])
    with pytest.raises(UserError, match=r"f\.parquet: the column b is of type"):
        refuse_types("f.parquet", schema, ["a", "b"])


def reader(path: Path, *names: str) -> ParquetReader:
    table = Table("raw", "some__rows", tuple(Column(n, "String") for n in names), ("a",), "", 0)
    return ParquetReader(path, Report("some", "rows", table, False, ()), "UTC")


def rows(path: Path, *names: str) -> list[tuple[str, ...]]:
    batches: list[Batch] = list(reader(path, *names).batches())
    assert [n for b in batches for n in b.numbers.tolist()] == list(
        range(1, 1 + sum(b.rows.num_rows for b in batches))
    )
    return [tuple(row.values()) for b in batches for row in b.rows.to_pylist()]


def test_years_that_nanoseconds_do_not_hold(tmp_path: Path) -> None:
    moments = [datetime(9999, 12, 30), datetime(1700, 1, 1), datetime(2026, 1, 2)]
    table = pa.table({"a": pa.array(moments, pa.timestamp("us"))})
    parquet.write_table(table, tmp_path / "a.parquet", use_deprecated_int96_timestamps=True)
    assert rows(tmp_path / "a.parquet", "a") == [
        ("9999-12-30 00:00:00",), ("1700-01-01 00:00:00",), ("2026-01-02 00:00:00",),
    ]  # fmt: skip


@pytest.mark.parametrize("group", [1, 7, 1000, 100_000])
def test_any_way_of_storing_gives_the_same_rows(group: int, tmp_path: Path) -> None:
    """Dictionaries, plain texts, deltas; row groups and batches of any size; values of any size."""
    rng = random.Random(group)
    count = 3000 if group > 100 else 60
    longest = [0, 1, 30, 4000, 200_000]
    table = {
        "a": [rng.choice("xyz") * rng.choice(longest[:4]) for _ in range(count)],
        "b": [str(rng.random()) for _ in range(count)],
        "c": [None if rng.random() < 0.3 else "é" * rng.choice(longest) for _ in range(count)],
        "d": [[rng.choice("pq") * 9] * rng.randrange(4) for _ in range(count)],
    }
    expected = [
        (a, b, c or "", json.dumps(d))
        for a, b, c, d in zip(*table.values(), strict=True)
    ]  # fmt: skip
    for options in (
        {},
        {"use_dictionary": False},
        {"use_dictionary": False, "column_encoding": {"a": "DELTA_BYTE_ARRAY"}},
        {"store_schema": False, "data_page_size": 4096, "dictionary_pagesize_limit": 1024},
    ):
        path = tmp_path / "a.parquet"
        parquet.write_table(pa.table(table), path, row_group_size=group, **options)
        assert rows(path, "a", "b", "c", "d") == expected


def test_value_that_is_too_long_is_refused(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"a": ["x" * (9 << 20)] * 3}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="found a value of 9 MiB in the column a, expected 8"):
        rows(tmp_path / "a.parquet", "a")


def test_row_group_without_rows(tmp_path: Path) -> None:
    table = pa.table({"a": ["x", "y", "x"]})
    with parquet.ParquetWriter(tmp_path / "a.parquet", table.schema) as writer:
        for piece in (table, table.slice(0, 0), table.slice(1)):
            writer.write_table(piece)
    assert rows(tmp_path / "a.parquet", "a") == [("x",), ("y",), ("x",), ("y",), ("x",)]


def test_changed_value_is_damage_where_there_are_checksums(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"a": ["abcdefgh"] * 9})
    parquet.write_table(table, path, compression="none", write_page_checksum=True)
    content = path.read_bytes()
    place = content.index(b"abcdefgh")
    path.write_bytes(content[:place] + b"X" + content[place + 1 :])
    with pytest.raises(UserError, match="damaged after row 0"):
        rows(path, "a")


def test_footer_counts_the_rows(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"a": [timedelta(1)] * 5, "b": ["x"] * 5}), tmp_path / "a.parquet")
    opened = reader(tmp_path / "a.parquet", "b")
    assert opened.records() == 5
    assert opened.matched.ignored == ["a"]
