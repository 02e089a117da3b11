"""How late rows came, beside the same figures made of the files by Polars."""

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from clickward import run, with_fault
from polars.testing import assert_frame_equal

from tests.integration.test_promise_future import write_clicks
from warehouse.connection import Warehouse
from warehouse.errors import UserError
from warehouse.profile import Project

MODEL = "mart_arrival_lag_daily"
BUILD = ["build", "--select", f"+{MODEL}"]
MIDNIGHT = datetime(2024, 1, 1)
# Folder of a file, when its rows reached us at the latest, and minutes from midnight of its clicks.
FILES: list[tuple[str, datetime | None, list[float]]] = [
    ("dt=2024-01-01/h=0", MIDNIGHT + timedelta(hours=1), [*range(60)]),
    # An hour to the second is not late, a second more is; and so with a day.
    ("dt=2024-01-01/h=02", MIDNIGHT + timedelta(hours=3), [120 - 1 / 60, 120, 150]),
    ("dt=2024-01-02", MIDNIGHT + timedelta(days=2), [1440 - 1 / 60, 1440, 1500]),
    ("no day told", None, [200, 1600, 3000]),
]
LATE = ("dt=2024-01-03/h=23", MIDNIGHT + timedelta(days=3), [7.0, 2000.0])


def clicked_at(minutes: float) -> datetime:
    return MIDNIGHT + timedelta(seconds=round(minutes * 60))


def write(folder: Path, minutes: list[float]) -> Path:
    """A contest file of clicks at these minutes, each of an address of its own."""
    folder.mkdir(parents=True)
    rows = [[n, 1, 1, 1, 1, clicked_at(one), "", 0] for n, one in enumerate(minutes)]
    return write_clicks(folder / "clicks.csv", rows)


def expected(files: list[tuple[str, datetime | None, list[float]]]) -> pl.DataFrame:
    """The mart's figures, of the files as they were written."""
    rows = pl.DataFrame(
        [
            {"at": clicked_at(one), "arrived": arrived}
            for _, arrived, minutes in files
            for one in minutes
        ],
        schema={"at": pl.Datetime("ms"), "arrived": pl.Datetime("ms")},
    ).with_columns(lag=(pl.col("arrived") - pl.col("at")).dt.total_milliseconds() / 1000)
    lag = pl.col("lag").drop_nulls()
    return (
        rows.group_by(event_date=pl.col("at").dt.date())
        .agg(
            rows=pl.len(),
            rows_with_arrival=lag.len(),
            late_1h_share=(lag > 3600).mean(),
            late_1d_share=(lag > 86400).mean(),
            median_lag_seconds=lag.sort().get(lag.len() // 2, null_on_oob=True),
            longest_lag_seconds=lag.max(),
        )
        .sort("event_date")
    )


def found(warehouse: Warehouse) -> pl.DataFrame:
    return warehouse.query(
        f"select * except (source, report) from {warehouse.table('marts', MODEL)}"
        " where source = 'talkingdata' and report = 'clicks' order by event_date"
    )


def test_shares_of_late_rows_are_those_of_the_files(
    project: Project, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the project's tests those run whose models are all selected.
    monkeypatch.setenv("DBT_INDIRECT_SELECTION", "cautious")
    for folder, _, minutes in FILES:
        run(project, "load", "talkingdata", write(tmp_path / folder, minutes))
    run(project, *BUILD)
    in_time = expected(FILES)
    assert in_time["late_1h_share"][2] is None
    assert 0 < in_time["late_1h_share"][0] < 0.1
    assert_frame_equal(found(warehouse), in_time, check_dtypes=False)
    # A click of the first day that comes on the third, and another of the second.
    folder, _, minutes = LATE
    run(project, "load", "talkingdata", write(tmp_path / folder, minutes))
    run(project, *BUILD)
    late = expected([*FILES, LATE])
    assert late["late_1d_share"][0] > in_time["late_1d_share"][0] > 0
    assert_frame_equal(found(warehouse), late, check_dtypes=False)
    # Rows that the mart leaves out do not go unseen.
    faulty = with_fault(
        project, tmp_path / "faulty", f"models/marts/{MODEL}.sql",
        "where {{ in_days(days) }}", "where {{ in_days(days) }} and arrived_at is not null",
    )  # fmt: skip
    warehouse.command(
        f"alter table {warehouse.table('raw', 'build_days')} delete where model = '{MODEL}'"
        " settings mutations_sync = 2"
    )
    with pytest.raises(UserError, match="assert_arrival_lags_count_every_row"):
        run(faulty, *BUILD)
