"""`clickward load` on the real engine: what is kept, refused, undone and said."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from bad_files import HEADER, REFUSED, TAKEN, Refused, Taken, rows
from loading_helpers import Run, counts
from needs import REAL_CLICKS

from clickward.warehouse.connection import Warehouse


def write(folder: Path, case: Refused | Taken) -> None:
    if case.content is not None:
        content = case.content(folder) if callable(case.content) else case.content
        Path(case.name).write_bytes(content)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_file_is_refused_as_a_whole(
    case: Refused, run: Run, warehouse: Warehouse, tmp_path: Path
) -> None:
    write(tmp_path, case)
    Path("good.csv").write_bytes(HEADER + b"".join(rows(3)))
    code, out, err = run("load", "talkingdata", case.name, "good.csv", "--json")
    assert err == f"error: {case.name}: {case.message}\nhint: {case.hint}\n"
    assert code == 1
    facts = {"file": case.name, "source": "talkingdata", "report": "clicks", "status": "failed"}
    nothing = {"rows_read": 0, "loaded": 0, "rejected_at_load": 0}
    bad, good = json.loads(out)
    assert bad == facts | nothing | {"note": case.message}
    assert (good["file"], good["status"], good["loaded"]) == ("good.csv", "loaded", 3)
    assert counts(warehouse) == (3, 0, 1)


@pytest.mark.parametrize("case", TAKEN, ids=lambda case: case.name)
def test_good_rows_of_a_file_are_kept(
    case: Taken, run: Run, warehouse: Warehouse, tmp_path: Path
) -> None:
    write(tmp_path, case)
    code, out, err = run("load", "talkingdata", case.name, "--json")
    assert json.loads(out) == [
        {
            "file": case.name,
            "source": "talkingdata",
            "report": "clicks",
            "status": "loaded",
            "rows_read": case.loaded + len(case.rejected),
            "loaded": case.loaded,
            "rejected_at_load": len(case.rejected),
            "note": case.note,
        }
    ]
    assert code == 0
    if case.said or not case.rejected:
        assert err == (f"{case.name}: {case.said}\n" if case.said else "")
    raw = warehouse.table("raw", "talkingdata__clicks")
    kept = warehouse.query(f"select ip, _source_row from {raw} order by _source_row")
    refused = {row for row, *_ in case.rejected}
    expected = [n for n in range(1, case.loaded + len(refused) + 1) if n not in refused]
    assert kept["_source_row"].to_list() == expected
    assert kept["ip"].to_list() == [str(n) for n in expected]
    lines = warehouse.query(
        "select _source_row, toString(reason) as reason, expected, line"
        f" from {warehouse.table('raw', 'rejected_lines')} order by _source_row"
    )
    assert lines.rows() == list(case.rejected)


def test_values_arrive_as_they_were(run: Run, warehouse: Warehouse) -> None:
    Path("quoted.csv").write_bytes(
        b'channel,is_attributed,ip,app,device,os,click_time\r\n'
        b'"a,b\r\n""c""",1,1,3,"",13,2017-11-07 09:30:38\r\n'
        b'5" screen, 0 ,2,N/A,NULL,\xc3\xa9,2017-11-07 09:30:39.5\r\n'
    )  # fmt: skip
    code, _, err = run("load", "talkingdata", "quoted.csv", "--max-rejected", "0.5")
    assert code == 0
    assert "1 of 2 rows rejected; the first is row 1: missing_value" in err
    row = warehouse.query(
        "select * except (_load_id, _loaded_at, _source_file), toString(_source_file) as file"
        f" from {warehouse.table('raw', 'talkingdata__clicks')}"
    )
    assert row.to_dicts() == [
        {
            "click_id": "",
            "ip": "2",
            "app": "N/A",
            "device": "NULL",
            "os": "é",
            "channel": '5" screen',
            "click_time": "2017-11-07 09:30:39.5",
            "attributed_time": "",
            "is_attributed": " 0 ",
            "_source_row": 2,
            "file": "quoted.csv",
        }
    ]
    line = warehouse.scalar(f"select line from {warehouse.table('raw', 'rejected_lines')}")
    assert line == '"a,b\r\n""c""",1,1,3,,13,2017-11-07 09:30:38'


def test_same_content_is_loaded_once_whatever_its_name(run: Run, warehouse: Warehouse) -> None:
    Path("a.csv").write_bytes(HEADER + b"".join(rows(5)))
    shutil.copy("a.csv", "b.csv")
    run("load", "talkingdata", "a.csv")
    code, out, _ = run("load", "talkingdata", "a.csv", "b.csv", "--json")
    assert code == 0
    told = [(row["status"], row["loaded"], row["note"]) for row in json.loads(out)]
    assert told == [
        ("already_loaded", 5, "already loaded (rows 5)"),
        ("already_loaded", 5, "already loaded as a.csv (rows 5)"),
    ]
    assert counts(warehouse) == (5, 0, 1)


def test_hours_without_events_are_loads_of_no_rows(run: Run, warehouse: Warehouse) -> None:
    """Those of other days are the same content: one load, already there."""
    hours = [Path(f"dt=2026-01-05/h={hour}") for hour in range(3)]
    for place, hour in enumerate(hours):
        hour.mkdir(parents=True)
        (hour / "part.csv").write_bytes(HEADER + b"".join(rows(1) if place == 2 else []))
    code, out, err = run("load", "talkingdata", "dt=2026-01-05", "--json")
    assert (code, err) == (0, "")
    told = [(row["status"], row["rows_read"], row["loaded"]) for row in json.loads(out)]
    assert told == [("loaded", 0, 0), ("already_loaded", 0, 0), ("loaded", 1, 1)]
    assert counts(warehouse) == (1, 0, 2)


def test_folders_and_patterns_are_searched_and_each_file_read_once(
    run: Run, warehouse: Warehouse
) -> None:
    deep = Path("in/deep")
    deep.mkdir(parents=True)
    (deep / "one.csv").write_bytes(HEADER + b"".join(rows(5)))
    (deep / "two.csv").write_bytes(HEADER + b"".join(rows(5, 6)))
    (deep / "_SUCCESS").touch()
    (deep / ".hidden.csv").write_bytes(b"nonsense")
    (deep / "readme.txt").write_bytes(b"nonsense")
    (deep / "truth.csv").write_bytes(b"nonsense")
    code, out, err = run("load", "talkingdata", "in", "in/deep/t*o.csv", "in/deep/../deep/one.csv")
    assert code == 0
    assert err == (
        "in: 1 file left out, its name ends in none of"
        " .csv, .csv.gz, .csv.zst, .gz, .zst, .parquet: deep/readme.txt\n"
        "in/deep/truth.csv: left out, it is of truth: clickward load truth\n"
    )
    assert [line.split()[0] for line in out.splitlines()[2:]] == [
        "in/deep/one.csv",
        "in/deep/two.csv",
    ]
    assert counts(warehouse) == (10, 0, 2)


def test_folder_without_files_is_an_error(run: Run) -> None:
    Path("nothing").mkdir()
    code, _, err = run("load", "talkingdata", "nothing")
    assert code == 1
    assert err == (
        "error: nothing: the folder has no file to load\n"
        "hint: files end in .csv, .csv.gz, .csv.zst, .gz, .zst, .parquet\n"
    )


def test_share_of_rejected_rows_can_be_raised(run: Run, warehouse: Warehouse) -> None:
    Path("half.csv").write_bytes(HEADER + b"".join([*rows(2), b"3,x\n", b"4,x\n"]))
    assert run("load", "talkingdata", "half.csv", "--max-rejected", "0.49")[0] == 1
    assert counts(warehouse) == (0, 0, 0)
    assert run("load", "talkingdata", "half.csv", "--max-rejected", "0.5")[0] == 0
    assert counts(warehouse) == (2, 2, 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere", "x.csv"], "unknown source 'nowhere'"),
        (["appsflyer", "x.csv", "--report", "views"], "appsflyer has no report 'views'"),
        (["appsflyer", "x.csv", "--timezone", "Berlin"], "unknown time zone 'Berlin'"),
    ],
)
def test_usage_is_checked_before_any_file(run: Run, words: list[str], message: str) -> None:
    code, out, err = run("load", *words)
    assert code == 2
    assert out == ""
    assert err.startswith(f"error: {message}")


def test_loads_lists_what_is_committed(run: Run, warehouse: Warehouse) -> None:
    assert run("loads", "--json")[1] == "[]\n"
    Path("a.csv").write_bytes(HEADER + b"".join([*rows(19), b"20,x\n"]))
    run("load", "talkingdata", "a.csv")
    code, out, err = run("loads", "--json")
    assert code == 0
    assert err == "hint: run `clickward build` to count what was kept\n"
    [load] = json.loads(out)
    expected = {
        "source": "talkingdata",
        "report": "clicks",
        "file": "a.csv",
        "rows_read": 20,
        "loaded": 19,
        "rejected_at_load": 1,
        "kept": None,
        "duplicates": None,
        "rejected": None,
    }
    assert {name: load[name] for name in expected} == expected

    staging = warehouse.target.database("staging")
    warehouse.command(f"create database {staging}")
    warehouse.command(
        f"create table {staging}.load_accounting (load_id String, event_date Date, kept UInt64,"
        " duplicates UInt64, rejected UInt64) engine = MergeTree order by load_id"
    )
    for day, kept in (("2017-11-07", 10), ("2017-11-08", 4)):
        warehouse.command(
            f"insert into {staging}.load_accounting"
            f" values ('{load['load_id']}', '{day}', {kept}, 2, 1)"
        )
    code, out, err = run("loads", "--json")
    assert err == ""
    assert [(r["kept"], r["duplicates"], r["rejected"]) for r in json.loads(out)] == [(14, 4, 2)]
    assert "a.csv" in run("loads")[1]


def test_ledger_keeps_what_the_file_was(run: Run, warehouse: Warehouse) -> None:
    content = (
        b"ip,app,device,os,channel,click_time,weather\n1,3,1,13,497,2017-11-07 09:30:38,rain\n"
    )
    Path("a.csv").write_bytes(content)
    run("load", "talkingdata", "a.csv")
    [row] = warehouse.query(
        "select file_name, file_bytes, toString(file_format) as format,"
        " toString(timezone) as timezone, rows_read, rows_loaded, rows_rejected, ignored_columns,"
        f" started_at <= committed_at as in_order from {warehouse.table('raw', 'loads')}"
    ).to_dicts()
    assert row == {
        "file_name": "a.csv",
        "file_bytes": len(content),
        "format": "csv",
        "timezone": "UTC",
        "rows_read": 1,
        "rows_loaded": 1,
        "rows_rejected": 0,
        "ignored_columns": ["weather"],
        "in_order": 1,
    }


@pytest.mark.real_data
def test_real_clicks_arrive_unchanged(run: Run, warehouse: Warehouse) -> None:
    code, out, _ = run("load", "talkingdata", str(REAL_CLICKS), "--json")
    assert code == 0
    assert [(row["rows_read"], row["loaded"]) for row in json.loads(out)] == [(100_000, 100_000)]
    sent = pl.read_csv(REAL_CLICKS, infer_schema=False).fill_null("")
    kept = warehouse.query(
        f"select {', '.join(sent.columns)} from {warehouse.table('raw', 'talkingdata__clicks')}"
        " order by _source_row"
    )
    assert kept.equals(sent)
