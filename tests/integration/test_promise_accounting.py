"""Promise 4: nothing is lost or doubled. Faults are planted, and the build's own tests see them."""

import json
from pathlib import Path

import pytest
from harness import CORE, run, with_fault

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import Project

HEADER = "ip,app,device,os,channel,click_time,attributed_time,is_attributed"


def clicks(path: Path, first: int, count: int) -> Path:
    lines = [
        f"{n % 9},{n % 4},1,13,{n},2024-01-0{1 + n % 3} 00:{n % 60:02d}:00,,0"
        for n in range(first, first + count)
    ]
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def test_loaded_is_kept_and_duplicates_and_rejected(
    project: Project, warehouse: Warehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = clicks(tmp_path / "first.csv", 0, 100)
    second = clicks(tmp_path / "second.csv", 60, 100)
    odd = "1,2,1,13,\n7,1,1,13,99,2024-01-01 00:00:00,,1\n"
    text = second.read_text() + odd
    second.write_text(text + "\n".join(text.splitlines()[1:11]) + "\n")
    # An hour without events is a load of no rows.
    empty = tmp_path / "empty.csv"
    empty.write_text(HEADER + "\n")
    run(project, "load", "talkingdata", first, second, empty)
    run(project, "build", *CORE)
    capsys.readouterr()
    run(project, "loads", "--json")
    out, err = capsys.readouterr()
    assert err == ""
    ledger = {Path(row["file"]).name: row for row in json.loads(out)}
    counted = ("rows_read", "loaded", "kept", "duplicates", "rejected", "rejected_at_load")
    assert [ledger["empty.csv"][name] for name in counted] == [0] * 6
    assert sum(row["loaded"] for row in ledger.values()) == 100 + 111
    for row in ledger.values():
        assert row["loaded"] == row["kept"] + row["duplicates"] + row["rejected"]
    assert ledger["second.csv"]["rejected_at_load"] == 1  # four fields
    assert ledger["second.csv"]["rejected"] == 1  # converted, but when?
    kept = warehouse.scalar(f"select count() from {warehouse.table('core', 'clicks')}")
    assert kept == sum(row["kept"] for row in ledger.values()) == 160
    refused = warehouse.table("core", "rejected_rows")
    reasons = warehouse.client.query(
        f"select refused_by, source, report, reason, rows from {refused} order by 1"
    ).result_rows
    assert reasons == [
        ("loading", "talkingdata", "clicks", "wrong_number_of_fields", 1),
        ("staging", "talkingdata", "clicks", "attributed_without_time", 1),
    ]


@pytest.mark.full
def test_doubled_raw_rows_are_caught(
    project: Project, warehouse: Warehouse, tmp_path: Path
) -> None:
    run(project, "load", "talkingdata", clicks(tmp_path / "c.csv", 0, 50))
    raw = warehouse.table("raw", "talkingdata__clicks")
    warehouse.command(f"insert into {raw} select * from {raw}")
    with pytest.raises(UserError, match="assert_loads_reconcile"):
        run(project, "build", *CORE)


def test_a_row_dropped_in_staging_is_caught(project: Project, tmp_path: Path) -> None:
    faulty = with_fault(
        project, tmp_path, "models/staging/talkingdata/stg_talkingdata__clicks.sql",
        "from renamed", "from renamed where source_row != 5",
    )  # fmt: skip
    run(faulty, "load", "talkingdata", clicks(tmp_path / "c.csv", 0, 50))
    with pytest.raises(UserError, match="assert_loads_reconcile"):
        run(faulty, "build", *CORE)


@pytest.mark.full
def test_a_day_bound_that_is_not_midnight_is_caught(project: Project, tmp_path: Path) -> None:
    faulty = with_fault(
        project, tmp_path, "models/core/clicks.sql",
        '{{ staged_for(days) }}',
        '{{ staged_for(days) }}'
        " and event_at >= toDateTime64(event_date, 3, 'UTC') + toIntervalMinute(10)",
    )  # fmt: skip
    run(faulty, "load", "talkingdata", clicks(tmp_path / "c.csv", 0, 50))
    with pytest.raises(UserError, match="assert_core_holds_what_was_kept"):
        run(faulty, "build", *CORE)
