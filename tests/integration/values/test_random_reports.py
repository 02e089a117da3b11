"""Random reports of installs, CSV and Parquet: core holds what Python reads in them."""

import csv
import io
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harness import drop_schemas, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made import GOOD, File, compare

from clickward.warehouse.build import run_dbt
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.profile import Project

MODELS = ("staging", "installs", "rejected_rows")
pytestmark = pytest.mark.full

NOTHING = ["", "null", "N/A", "None", "NaN", "unknown", "Undefined", "-", " null "]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
MINUTES = st.integers(0, 90)


def near(*moments: str) -> st.SearchStrategy[str]:
    """Times up to ninety minutes after one of these local ones, some to the millisecond."""
    return st.builds(
        lambda moment, minutes, rest: (
            f"{datetime.fromisoformat(moment) + timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S}{rest}"
        ),
        st.sampled_from(moments),
        MINUTES,
        st.sampled_from(["", "", ".000", ".120", ".5"]),
    )


# Days on which clocks change in one of the zones, and some on which they do not.
TIMES = near(
    "2025-10-26 01:20:00", "2025-03-30 01:20:00", "2025-11-02 00:20:00", "2025-03-09 01:20:00",
    "2025-04-06 00:50:00", "2025-10-05 01:20:00", "2026-01-05 10:00:00", "2026-01-05 23:30:00",
)  # fmt: skip
STRAYS = st.sampled_from([
    "0000-01-01 00:00:00", "0001-01-01 00:00:00", "1969-12-31 23:59:59", "1999-12-31 12:00:00",
    "2106-02-07 06:28:16", "2149-06-08 00:00:00", "9999-12-31 23:59:59",
])  # fmt: skip
OPTIONAL = st.one_of(TIMES, STRAYS, st.sampled_from(NOTHING))
NAMES = st.one_of(
    st.sampled_from([*NOTHING, "a", "a/b", "b", "a%2Fb", "0", " A ", "/", "ä/ö", "x\ty", "=1+1"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=6),
)
DEVICES = st.one_of(
    st.sampled_from([*NOTHING, "0" * 16, "00000000-0000-0000-0000-000000000000",
                     "9774d56d682e549c", "AAAAAAAA-0000-4000-8000-000000000001"]),
    st.uuids().map(str),
)  # fmt: skip
ADDRESSES = st.one_of(
    st.sampled_from([*NOTHING, "0.0.0.0", "::", "127.0.0.1", "fe80::1", "::ffff:169.254.1.1",
                     "192.000.002.001", " 192.0.2.1", "192.0.2.1:80", "x"]),
    st.ip_addresses(v=4).map(str),
    st.builds(
        str.format,
        st.sampled_from(["::ffff:{}", "::{}", "::ffff:0:{}", "64:ff9b::{}"]),
        st.ip_addresses(v=4),
    ),
    st.ip_addresses(v=6).map(str),
    st.ip_addresses(v=6).map(lambda address: str(address.exploded).upper()),
)  # fmt: skip
NUMBERS = st.one_of(
    st.sampled_from(
        [*NOTHING, "inf", "-inf", "1e400", "1e40", "-1e20", "1,5", "0", "free", "+2", "1e2", " 3 "]
    ),
    st.decimals(-1000, 1000, places=2).map(str),
)
ROWS = st.fixed_dictionaries({
    "attributed_touch_time": OPTIONAL,
    "install_time": st.one_of(TIMES, TIMES, STRAYS),
    "media_source": NAMES,
    "campaign": NAMES,
    "af_siteid": NAMES,
    "af_sub_siteid": NAMES,
    "af_cost_value": NUMBERS,
    "af_cost_currency": st.sampled_from(["USD", " jpy ", "Eur", "us dollar", "0", *NOTHING]),
    "country_code": st.sampled_from(["DE", "uk", " us ", "Germany", *NOTHING]),
    "ip": ADDRESSES,
    "wifi": st.sampled_from(["true", "FALSE", "1", "maybe", *NOTHING]),
    "carrier": NAMES,
    "operator": NAMES,
    "appsflyer_id": st.sampled_from(["a-1", "a-2", "a-3", *NOTHING[1:]]),
    "advertising_id": DEVICES,
    "idfa": DEVICES,
    "android_id": DEVICES,
    "os_version": st.sampled_from(["13", "Android 13.0.2", "v", *NOTHING]),
    "app_id": st.sampled_from(["com.a", " Com.B ", "null"]),
    "gp_click_time": OPTIONAL,
    "gp_install_begin": OPTIONAL,
    "device_download_time": OPTIONAL,
    "contributor1_touch_time": OPTIONAL,
}).map(lambda row: {**GOOD, **row})  # fmt: skip
# Parquet's own types: how a column's values are made, and the text that raw must hold of each.
TYPED: dict[str, tuple[pa.DataType, st.SearchStrategy[Any], Callable[[Any], str]]] = {
    "af_siteid": (pa.float64(), st.integers(0, 10**15).map(float), lambda x: str(int(x))),
    "af_sub_siteid": (pa.int64(), st.integers(-5, 10**17), str),
    "af_cost_value": (
        pa.decimal128(20, 4), st.decimals(0, 10**6, places=4),
        lambda x: str(int(x)) if x == int(x) else f"{x:f}".rstrip("0"),
    ),
    "wifi": (pa.bool_(), st.booleans(), lambda x: "true" if x else "false"),
    "install_time": (
        pa.timestamp("ms"), st.datetimes(datetime(2025, 10, 26), datetime(2025, 10, 27)),
        lambda x: f"{x:%Y-%m-%d %H:%M:%S}.{x.microsecond // 1000:03}".removesuffix(".000"),
    ),
    "advertising_id": (pa.uuid(), st.uuids(), str),
    "campaign": (pa.dictionary(pa.int8(), pa.string()), NAMES, str),
}  # fmt: skip


@st.composite
def reports(draw: st.DrawFn) -> tuple[str, str, bytes, list[dict[str, str]], date | None]:
    """A file's ending, its zone, its bytes, its rows as texts, and the day its path tells."""
    rows = draw(st.lists(ROWS, min_size=20, max_size=40))
    kind = draw(st.sampled_from(["csv", "quoted.csv", "parquet", "typed.parquet"]))
    zone = draw(st.sampled_from(ZONES))
    day = draw(st.sampled_from([None, date(2026, 1, 6), date(2025, 10, 20)]))
    if kind.endswith("csv"):
        out = io.StringIO()
        quoting = csv.QUOTE_ALL if kind == "quoted.csv" else csv.QUOTE_MINIMAL
        ends = draw(st.sampled_from(["\n", "\r\n"]))
        writer = csv.writer(out, quoting=quoting, lineterminator=ends)
        # A quote inside a field that no quote opened is text, in the header as in rows.
        header = list(rows[0])
        writer.writerows([list(row.values()) for row in rows])
        stray = draw(st.sampled_from(["", ',5" screen']))
        first = ",".join(header) + stray + "\n"
        body = out.getvalue()
        if stray:
            lines = list(csv.reader(io.StringIO(body, newline="")))
            again = io.StringIO()
            csv.writer(again, quoting=quoting, lineterminator=ends).writerows(
                [*line, "x"] for line in lines
            )
            body = again.getvalue()
        return kind, zone, (first + body).encode(), rows, day
    columns: dict[str, pa.Array] = {name: pa.array([row[name] for row in rows]) for name in rows[0]}
    if kind == "typed.parquet":
        for name in draw(st.sets(st.sampled_from(sorted(TYPED)), min_size=1)):
            data_type, values, text = TYPED[name]
            made = [draw(values) for _ in rows]
            if isinstance(made[0], uuid.UUID):
                stored = pa.array([each.bytes for each in made], pa.binary(16))
                columns[name] = pa.ExtensionArray.from_storage(pa.uuid(), stored)
            else:
                kept = [Decimal(each) for each in made] if pa.types.is_decimal(data_type) else made
                columns[name] = pa.array(kept, data_type)
            rows = [row | {name: text(each)} for row, each in zip(rows, made, strict=True)]
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return kind, zone, sink.getvalue(), rows, day


@given(st.lists(reports(), min_size=2, max_size=3))
@settings(
    max_examples=8, deadline=None, derandomize=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow,
                           HealthCheck.data_too_large, HealthCheck.large_base_example],
)  # fmt: skip
def test_core_holds_what_python_reads(
    project: Project, warehouse: Warehouse, tmp_path: Path,
    made: list[tuple[str, str, bytes, list[dict[str, str]], date | None]],
) -> None:  # fmt: skip
    drop_schemas(warehouse.target.schema)
    files = []
    # The same content again is the same load.
    different = {content: file for file in made for content in [file[2]]}
    for place, (kind, zone, content, rows, day) in enumerate(different.values()):
        folder = tmp_path / str(uuid.uuid4()) / (f"dt={day}" if day else "untold")
        folder.mkdir(parents=True)
        path = folder / f"installs_{place}.{kind}"
        path.write_bytes(content)
        arrived = datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None
        files.append(File(path, zone, rows, arrived + timedelta(days=1) if arrived else None))
        run(
            project, "load", "appsflyer", path, "--report", "installs", "--timezone", zone,
            "--max-rejected", "1",
        )  # fmt: skip
    selected = [word for name in MODELS for word in ("--select", name)]
    run_dbt(project, ["run", *selected])
    compare(warehouse, files)
