"""Optional times that cannot be read: the row is kept, the value NULL and counted."""

import json
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from loading_helpers import Run

from clickward.warehouse.build import run_dbt
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.profile import Project

HEADERS = {
    "Install Time": "install_time",
    "AppsFlyer ID": "appsflyer_id",
    "App ID": "app_id",
    "Google Play Install Begin Time": "gp_install_begin",
    "Device Download Time": "device_download_time",
    "Google Play Click Time": "gp_click_time",
    "Contributor 1 Touch Time": "contributor1_touch_time",
}
BAD = [
    "0000-00-00 00:00:00",
    "2026-01-05 24:00:00",
    "2026-02-30 10:00:00",
    "2026-00-10 10:00:00",
    "2026-01-00 10:00:00",
    "garbage",
    "2026-13-01 00:00:00",
    "1767607500",
]
GOOD = " 2026-01-05 09:59:00\t"
NOTHING = ["", "null", " N/A "]


def texts() -> list[list[str]]:
    """Rows of one bad time in each optional column, then of times that say nothing, then good."""
    times = [[bad] * 4 for bad in BAD] + [[word] * 4 for word in NOTHING] + [[GOOD] * 4]
    return [
        [f" 2026-01-05 10:00:{place:02} ", f"1-{place}", "com.game", *row]
        for place, row in enumerate(times)
    ]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_row_is_kept_and_its_value_counted(
    kind: str, run: Run, warehouse: Warehouse, project: Project
) -> None:
    columns = dict(zip(HEADERS, map(list, zip(*texts(), strict=True)), strict=True))
    frame = pl.DataFrame(columns)
    path = Path(f"installs.{kind}")
    if kind == "csv":
        frame.write_csv(path)
    else:
        frame.rename(HEADERS).write_parquet(path)
    code, out, err = run("load", "appsflyer", str(path), "--timezone", "UTC", "--json")
    assert (code, err) == (0, "")
    [row] = json.loads(out)
    assert (row["rows_read"], row["loaded"], row["rejected_at_load"]) == (12, 12, 0)
    raw = warehouse.table("raw", "appsflyer__installs")
    kept = warehouse.query(f"select {', '.join(HEADERS.values())} from {raw} order by _source_row")
    assert [list(row) for row in kept.rows()] == texts()
    if kind == "parquet":
        # The same texts: staging is the same.
        return
    run_dbt(project, ["build", "--select", "staging", "--exclude-resource-type", "test",
                      "--exclude-resource-type", "unit_test"])  # fmt: skip
    staged = warehouse.query(
        "select event_at, began_at, downloaded_at, play_clicked_at, assisted_at, unread_values,"
        " reject_reason"
        f" from {warehouse.table('staging', 'stg_appsflyer__installs')} order by source_row"
    ).rows()
    read = datetime(2026, 1, 5, 9, 59)
    values = [(None, 4)] * len(BAD) + [(None, 0)] * len(NOTHING) + [(read, 0)]
    assert staged == [
        (datetime(2026, 1, 5, 10, 0, place), *[value] * 4, unread, None)
        for place, (value, unread) in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("time", "is_taken"),
    [
        (" 2026-01-05 10:00:00 ", True),
        ("\t2026-01-05 10:00:00.123", True),
        ("2026-02-30 10:00:00", False),
        ("2026-01-05 24:00:00", False),
        ("0000-00-00 00:00:00", False),
        (" ", False),
        ("null", False),
    ],
)
def test_required_time_must_be_one(time: str, is_taken: bool, run: Run) -> None:
    Path("t.csv").write_text(f"install_time,appsflyer_id,app_id\n{time},1,a\n")
    words = ["t.csv", "--report", "installs", "--timezone", "UTC", "--json", "--max-rejected", "1"]
    code, out, _ = run("load", "appsflyer", *words)
    [row] = json.loads(out)
    assert (code, row["loaded"], row["rejected_at_load"]) == (0, int(is_taken), int(not is_taken))


def test_typed_times_of_parquet(run: Run, warehouse: Warehouse) -> None:
    """A typed time that no calendar has is a number: kept where optional, else rejected."""
    far = pl.Series([2**60], dtype=pl.Int64).cast(pl.Datetime("us"))
    good = pl.Series([datetime(2026, 1, 5, 10)], dtype=pl.Datetime("us"))
    for name, required, optional in (("a", good, far), ("b", far, good)):
        pl.DataFrame(
            {"install_time": required, "appsflyer_id": ["1"], "app_id": ["a"],
             "device_download_time": optional}
        ).write_parquet(f"{name}_installs.parquet")  # fmt: skip
    words = ["a_installs.parquet", "b_installs.parquet", "--json", "--max-rejected", "1"]
    code, out, _ = run("load", "appsflyer", *words)
    assert code == 0
    assert [(row["loaded"], row["rejected_at_load"]) for row in json.loads(out)] == [(1, 0), (0, 1)]
    raw = warehouse.table("raw", "appsflyer__installs")
    found = warehouse.query(f"select install_time, device_download_time from {raw}").rows()
    assert found == [("2026-01-05 10:00:00", str(2**60))]
