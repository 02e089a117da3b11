"""AppsFlyer's reports and the truth: reports recognised, spellings, time zones, Parquet types."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
from loading_helpers import Run

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.sources import reports

INSTALL = {
    "install_time": ["2026-01-02 03:04:05"],
    "appsflyer_id": ["1-2"],
    "app_id": ["com.game"],
}


def csv_text(columns: dict[str, list[str]]) -> str:
    lines = [list(columns), *zip(*columns.values(), strict=True)]
    return "".join(",".join(line) + "\n" for line in lines)


def raw_rows(warehouse: Warehouse, report: str, *columns: str) -> list[tuple[object, ...]]:
    table = warehouse.table("raw", f"appsflyer__{report}")
    return warehouse.query(f"select {', '.join(columns)} from {table} order by _source_row").rows()


def test_both_spellings_of_every_column_arrive_in_its_place(run: Run, warehouse: Warehouse) -> None:
    [report] = [r for r in reports(warehouse.project, "appsflyer") if r.name == "detection"]
    assert len(report.columns) == 104
    values = {
        name: "2026-01-02 03:04:05" if column.format else f"value of {name}"
        for name, column in report.columns.items()
    }
    titles = {report.columns[name].header: value for name, value in values.items()}
    names = list(reversed(values))
    for folder, header in (("titles", list(titles)), ("names", names)):
        Path(folder).mkdir()
        row = [titles[h] if folder == "titles" else values[h] for h in header]
        Path(folder, "detection.csv").write_text(",".join(header) + "\n" + ",".join(row) + "\n")
    code, out, err = run("load", "appsflyer", "titles", "names", "--timezone", "UTC", "--json")
    assert (code, err) == (0, "")
    assert [row["note"] for row in json.loads(out)] == ["", ""]
    found = raw_rows(warehouse, "detection", *values)
    assert found == [tuple(values.values())] * 2


def test_reports_are_recognised_by_folder_and_name(run: Run, warehouse: Warehouse) -> None:
    files = {
        "t=installs/dt=2026-01-02/part-00000.csv": INSTALL,
        "blocked_installs/2026.csv": INSTALL | {"blocked_reason": ["bots"]},
        "in-app-events_2026.csv": INSTALL
        | {"event_time": ["2026-01-02 03:04:05"], "event_name": ["af_purchase"]},
        "id1_detection_2026-01-01.csv": INSTALL
        | {"detection_date": ["2026-01-09"], "fraud_reason": ["bots"]},
    }
    for name, columns in files.items():
        path = Path("lake", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(csv_text(columns))
    code, out, _ = run("load", "appsflyer", "lake", "--timezone", "UTC", "--json")
    assert code == 0
    assert {row["file"].removeprefix("lake/"): row["report"] for row in json.loads(out)} == {
        "t=installs/dt=2026-01-02/part-00000.csv": "installs",
        "blocked_installs/2026.csv": "blocked_installs",
        "in-app-events_2026.csv": "in_app_events",
        "id1_detection_2026-01-01.csv": "detection",
    }
    assert raw_rows(warehouse, "installs", "toString(_source_file)", "appsflyer_id") == [
        ("lake/t=installs/dt=2026-01-02/part-00000.csv", "1-2")
    ]


def test_unknown_report_is_asked_for(run: Run, warehouse: Warehouse) -> None:
    Path("export.csv").write_text(csv_text(INSTALL))
    Path("my-clicks_2026-01-05.csv").write_text(csv_text(INSTALL))
    words = ["export.csv", "my-clicks_2026-01-05.csv", "--timezone=UTC"]
    code, _, err = run("load", "appsflyer", *words)
    names = "clicks, installs, in_app_events, blocked_installs, detection"
    assert code == 1
    assert err == (
        "error: export.csv: no folder t=… and no file name tells the report,"
        f" expected one of {names}\n"
        "error: my-clicks_2026-01-05.csv: no folder t=… and no file name tells the report,"
        f" expected one of {names}\n"
        "hint: name it with --report\n"
    )
    words = ["export.csv", "--report", "installs", "--timezone", "UTC"]
    assert run("load", "appsflyer", *words)[0] == 0
    assert raw_rows(warehouse, "installs", "app_id") == [("com.game",)]


def test_data_locker_is_read_by_topic(run: Run, warehouse: Warehouse) -> None:
    """Folders above, apps and hours whose names hold words of reports tell nothing."""
    day = "af_installs_and_clicks/{}/dt=2026-01-05"
    files = {
        day.format("t=installs") + "/h=10/app_id=com.super.clicks/part-0.csv": "1",
        day.format("t=installs") + "/h=10/app_id=com.organic.installs/part-0.csv": "2",
        day.format("t=installs") + "/h=late/part-0.csv": "3",
        day.format("t=sessions") + "/h=10/part-0.csv": "4",
        day.format("t=sessions") + "/h=11/part-0.csv": "5",
        day.format("t=attributed_ad_revenue") + "/part-0.csv": "6",
        day.format("t=conversions_retargeting") + "/h=1/part-0.csv": "7",
        day.format("t=brand_new") + "/h=1/installs.csv": "8",
    }
    for name, identity in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(csv_text(INSTALL | {"appsflyer_id": [identity]}))
    code, out, err = run("load", "appsflyer", "af_installs_and_clicks", "--json")
    assert code == 0
    assert [(row["file"], row["report"], row["loaded"]) for row in json.loads(out)] == [
        (name, "installs", 1) for name in sorted(files) if "t=installs" in name
    ]
    left_out = "which is no report that is loaded"
    assert sorted(err.splitlines()) == [
        f"af_installs_and_clicks/t={topic}: left out, {what}, {left_out}"
        for topic, what in (
            ("attributed_ad_revenue", "it holds ad revenue"),
            ("brand_new", "it holds the topic brand_new"),
            ("conversions_retargeting", "it holds conversions of retargeting"),
            ("sessions", "2 files: it holds sessions"),
        )
    ]
    found = raw_rows(warehouse, "installs", "appsflyer_id")
    assert sorted(found) == [("1",), ("2",), ("3",)]
    zones = warehouse.query(f"select toString(timezone) from {warehouse.table('raw', 'loads')}")
    assert zones.rows() == [("UTC",)] * 3
    for other in ("clicks", "in_app_events", "blocked_installs", "detection"):
        assert raw_rows(warehouse, other, "appsflyer_id") == []


def test_names_of_the_export_tell_report_and_zone(run: Run, warehouse: Warehouse) -> None:
    period = "2026-01-05_2026-01-06"
    events = INSTALL | {"event_time": ["2026-01-05 10:00:00"], "event_name": ["buy"]}
    files = {
        f"com.a_installs_{period}_Asia_Singapore.csv": (INSTALL, "installs", "Asia/Singapore"),
        f"com.a_non-organic-installs_{period}_UTC.csv": (INSTALL, "installs", "UTC"),
        f"com.a_organic-in-app-events_{period}_Europe_Berlin.csv": (
            events, "in_app_events", "Europe/Berlin",
        ),
    }  # fmt: skip
    Path("x").mkdir()
    for place, (name, (columns, _, _)) in enumerate(files.items()):
        Path("x", name).write_text(csv_text(columns | {"appsflyer_id": [str(place)]}))
    Path("x", "com.a_fraud-post-inapps_2026-01-05.csv").write_text(csv_text(events))
    code, _, err = run("load", "appsflyer", "x")
    assert code == 0
    assert err == (
        "x/com.a_fraud-post-inapps_2026-01-05.csv: left out, it holds in-app events judged after"
        " attribution, which is no report that is loaded\n"
    )
    ledger = warehouse.query(
        "select file_name, toString(report) as report, toString(timezone) as timezone"
        f" from {warehouse.table('raw', 'loads')}"
    )
    expected = [(f"x/{name}", report, zone) for name, (_, report, zone) in files.items()]
    assert sorted(ledger.rows()) == sorted(expected)
    [first, *_] = files
    code, _, err = run("load", "appsflyer", f"x/{first}", "--timezone", "UTC")
    assert code == 1
    assert err == (
        f"error: x/{first}: its name tells that times are in Asia/Singapore, found --timezone UTC\n"
        "hint: leave --timezone out, or rename the file if it is in UTC\n"
    )
    # The zone of the name is that of the ledger, so that loading again changes nothing.
    code, out, _ = run("load", "appsflyer", "x", "--json")
    assert code == 0
    assert {row["status"] for row in json.loads(out)} == {"already_loaded"}


def test_csv_needs_a_time_zone_and_keeps_it_in_the_ledger(run: Run, warehouse: Warehouse) -> None:
    Path("installs.csv").write_text(csv_text(INSTALL))
    code, _, err = run("load", "appsflyer", "installs.csv")
    assert code == 1
    assert err == (
        "error: installs.csv: a CSV export does not say in which time zone its times are\n"
        "hint: name it: --timezone UTC, or the app's own such as --timezone Europe/Berlin\n"
    )
    assert run("load", "appsflyer", "installs.csv", "--timezone", "Europe/Berlin")[0] == 0
    ledger = warehouse.table("raw", "loads")
    assert warehouse.scalar(f"select toString(timezone) from {ledger}") == "Europe/Berlin"
    assert raw_rows(warehouse, "installs", "install_time") == [("2026-01-02 03:04:05",)]
    code, _, err = run("load", "appsflyer", "installs.csv", "--timezone", "UTC")
    assert code == 1
    assert err == (
        "error: installs.csv: already loaded with time zone Europe/Berlin, found UTC\n"
        "hint: say --timezone Europe/Berlin, or take it back with `clickward unload` and load it"
        " again\n"
    )
    assert run("unload", "installs.csv", "--yes")[0] == 0
    assert run("load", "appsflyer", "installs.csv", "--timezone", "UTC")[0] == 0
    assert warehouse.query(f"select toString(timezone) as zone from {ledger}").rows() == [("UTC",)]


def test_zone_of_a_name_in_other_spellings(run: Run, warehouse: Warehouse) -> None:
    days = "2026-01-05_2026-01-06"
    names = [f"a_installs_{days}_{tail}.csv" for tail in ("Asia-Singapore", "EuropeBerlin", "PST")]
    for place, name in enumerate(names):
        Path(name).write_text(csv_text(INSTALL | {"appsflyer_id": [str(place)]}))
    code, _, err = run("load", "appsflyer", *names, "--timezone", "UTC")
    assert code == 1
    assert [line.partition(": ")[2] for line in err.splitlines() if line.startswith("error")] == [
        f"{names[0]}: its name tells that times are in Asia/Singapore, found --timezone UTC",
        f"{names[1]}: its name tells that times are in Europe/Berlin, found --timezone UTC",
        f"{names[2]}: its name ends in PST, which is no time zone that is known",
    ]
    assert run("load", "appsflyer", *names[:2])[0] == 0
    ledger = warehouse.table("raw", "loads")
    zones = warehouse.query(f"select toString(timezone) as zone from {ledger} order by zone")
    assert zones.rows() == [("Asia/Singapore",), ("Europe/Berlin",)]


def test_required_values_and_times(run: Run, warehouse: Warehouse) -> None:
    good = {name: values * 10 for name, values in INSTALL.items()}
    columns = good | {"media_source": [""] * 10, "contributor1_touch_time": ["garbage"] * 10}
    columns["install_time"] = [*INSTALL["install_time"] * 8, "2026-01-02", *INSTALL["install_time"]]
    columns["appsflyer_id"] = [*INSTALL["appsflyer_id"] * 9, ""]
    Path("installs.csv").write_text(csv_text(columns))
    words = ["installs.csv", "--timezone", "UTC", "--max-rejected", "0.2"]
    assert run("load", "appsflyer", *words)[0] == 0
    rejected = warehouse.query(
        "select _source_row, toString(reason) as reason, expected"
        f" from {warehouse.table('raw', 'rejected_lines')} order by _source_row"
    )
    assert rejected.rows() == [
        (9, "invalid_datetime", "install_time as YYYY-MM-DD HH:MM:SS"),
        (10, "missing_value", "a value in appsflyer_id"),
    ]
    # Organic installs have no media source; clicks must have the column.
    Path("clicks.csv").write_text("attributed_touch_time,app_id\n2026-01-02 03:04:05,a\n")
    assert (
        "clicks.csv: the header lacks media_source;"
        in run("load", "appsflyer", "clicks.csv", "--timezone", "UTC")[2]
    )


def test_parquet_values_become_text(run: Run, warehouse: Warehouse) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5)
    frame = pl.DataFrame(
        {
            "install_time": [moment, moment],
            "attributed_touch_time": [moment.replace(microsecond=120_000, tzinfo=UTC), None],
            "appsflyer_id": pl.Series(["1-2", "3-4"], dtype=pl.Categorical),
            "app_id": [b"com.game", "spiel-é".encode()],
            "total_candidates": [3, None],
            "af_cost_value": [0.5, 2.0],
            "is_lat": [True, False],
            "fraud_reasons": [["a", "b"], None],
            "detection_date": [date(2026, 1, 9), None],
        }
    )
    Path("t=installs").mkdir()
    frame.write_parquet("t=installs/part.parquet")
    code, _, err = run("load", "appsflyer", "t=installs/part.parquet", "--max-rejected", "0.5")
    assert (code, err) == (0, "")
    assert raw_rows(warehouse, "installs", *frame.columns) == [
        (
            "2026-01-02 03:04:05", "2026-01-02 03:04:05.120", "1-2", "com.game", "3", "0.5",
            "true", '["a", "b"]', "2026-01-09",
        ),
        ("2026-01-02 03:04:05", "", "3-4", "spiel-é", "", "2", "false", "", ""),
    ]  # fmt: skip
    ledger = warehouse.query(
        "select toString(timezone) as timezone, toString(file_format) as file_format"
        f" from {warehouse.table('raw', 'loads')}"
    )
    assert ledger.rows() == [("UTC", "parquet")]


def test_bad_parquet_rows_are_rejected(run: Run, warehouse: Warehouse) -> None:
    frame = pl.DataFrame(
        {
            "install_time": ["2026-01-02 03:04:05", "", "2026-01-02 03:04:05"],
            "appsflyer_id": ["1", "2", "3"],
            "app_id": [b"a", b"b", b"\xff"],
        }
    )
    frame.write_parquet("installs.parquet")
    code, _, err = run("load", "appsflyer", "installs.parquet", "--max-rejected", "0.9")
    assert code == 0
    assert err == (
        "installs.parquet: 2 of 3 rows rejected; the first is row 2: invalid_datetime,"
        " expected install_time as YYYY-MM-DD HH:MM:SS\n"
    )
    lines = warehouse.query(
        "select toString(reason) as reason, line"
        f" from {warehouse.table('raw', 'rejected_lines')} order by _source_row"
    )
    assert lines.rows() == [
        ("invalid_datetime", '{"appsflyer_id": "2", "app_id": "b"}'),
        (
            "invalid_utf8",
            '{"install_time": "2026-01-02 03:04:05", "appsflyer_id": "3", "app_id": "\ufffd"}',
        ),
    ]


def test_truth_is_loaded_into_ml(run: Run, warehouse: Warehouse) -> None:
    columns = ("app_id", "appsflyer_id", "install_time", "attack", "actor")
    pl.DataFrame({name: [f"{name} {n}" for n in (1, 2)] for name in columns}).write_parquet(
        "truth.parquet"
    )
    code, out, _ = run("load", "truth", "truth.parquet", "--json")
    assert code == 0
    assert [(r["source"], r["report"], r["loaded"]) for r in json.loads(out)] == [
        ("truth", "truth", 2)
    ]
    names = ", ".join(f"toString({name})" for name in columns)
    found = warehouse.query(f"select {names} from {warehouse.table('ml', 'truth')} order by 1")
    assert found.rows() == [tuple(f"{name} {n}" for name in columns) for n in (1, 2)]


def test_time_zone_for_a_source_in_utc_is_refused(run: Run) -> None:
    Path("a.csv").write_text("ip\n1\n")
    code, _, err = run("load", "talkingdata", "a.csv", "--timezone", "Asia/Tokyo")
    assert code == 1
    assert err == (
        "error: a.csv: times of talkingdata are UTC, found --timezone Asia/Tokyo\n"
        "hint: leave --timezone out\n"
    )
