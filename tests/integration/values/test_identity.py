"""What is told in several zones, spellings and exports is one, and stands where its times tell."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from harness import run
from made import GOOD, in_utc, write_csv

from clickward.warehouse.build import run_dbt
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.profile import Project

CLICK = {
    "attributed_touch_type": "click", "attributed_touch_time": "2026-01-05 12:00:00",
    "app_id": "com.a", "media_source": "net_int", "campaign": "c", "ip": "192.0.2.7",
    "advertising_id": "aaaaaaaa-0000-4000-8000-000000000001", "af_siteid": "s",
}  # fmt: skip
EVENT = {
    "attributed_touch_time": "", "install_time": "2026-01-05 10:00:00",
    "event_time": "2026-01-05 12:00:00", "event_name": "af_purchase", "event_value": "",
    "event_revenue": "5", "event_revenue_usd": "5", "appsflyer_id": "1-1", "app_id": "com.a",
}  # fmt: skip
VERDICT = {
    "install_time": "2025-10-25 10:00:00", "appsflyer_id": "1-1", "app_id": "com.a",
    "fraud_reason": "bots", "detection_date": "2025-10-26",
}  # fmt: skip
NIGHT = "2025-10-26 0{}"


def load(project: Project, file: Path, rows: list[dict[str, str]], report: str, zone: str) -> None:
    run(
        project, "load", "appsflyer", write_csv(file, rows),
        *("--report", report, "--timezone", zone),
    )  # fmt: skip


def build(project: Project, *models: str) -> None:
    """Build the models, and run every test that is on them alone."""
    selected = [word for model in ("staging", *models) for word in ("--select", model)]
    run_dbt(project, ["build", *selected, "--exclude-resource-type", "unit_test"])


def test_clicks_are_known_by_their_instant(
    project: Project, warehouse: Warehouse, tmp_path: Path
) -> None:
    utc = [
        CLICK,
        CLICK | {"attributed_touch_time": "2026-01-05 12:00:00.000", "ip": "::ffff:192.0.2.7"},
        CLICK | {"attributed_touch_time": "2026-01-05 12:00:00.250", "campaign": "ms"},
        CLICK | {"advertising_id": "", "campaign": "no id"},
        CLICK
        | {"advertising_id": "00000000-0000-0000-0000-000000000000", "campaign": "no id",
           "af_siteid": "s"},
    ]  # fmt: skip
    singapore = [
        CLICK | {"attributed_touch_time": "2026-01-05 20:00:00"},
        CLICK,
        CLICK | {"attributed_touch_time": "2026-01-05 20:00:00.250000", "campaign": "ms"},
    ]
    load(project, tmp_path / "utc.csv", utc, "clicks", "UTC")
    load(project, tmp_path / "singapore.csv", singapore, "clicks", "Asia/Singapore")
    build(project, "clicks")
    found = warehouse.query(
        "select toString(campaign) as campaign, event_at, duplicate_count from"
        f" {warehouse.table('core', 'clicks')} order by campaign, event_at"
    )
    assert [tuple(map(in_utc, row)) for row in found.rows()] == [
        ("c", datetime(2026, 1, 5, 4, tzinfo=UTC), 0),
        ("c", datetime(2026, 1, 5, 12, tzinfo=UTC), 2),
        ("ms", datetime(2026, 1, 5, 12, 0, 0, 250_000, tzinfo=UTC), 1),
        ("no id", datetime(2026, 1, 5, 12, tzinfo=UTC), 1),
    ]


def test_events_are_known_by_their_instant_and_reach_their_install(
    project: Project, warehouse: Warehouse, tmp_path: Path
) -> None:
    utc = [
        EVENT,
        EVENT | {"event_time": "2026-01-05 12:00:00.0", "event_revenue": "5.00",
                 "event_value": "null", "app_id": " Com.A"},
        EVENT | {"event_name": "open", "appsflyer_id": "null"},
        EVENT | {"event_name": "refund", "event_revenue": "-5"},
        EVENT | {"event_name": "refund", "event_revenue": "free"},
    ]  # fmt: skip
    singapore = [
        EVENT | {"install_time": "2026-01-05 18:00:00", "event_time": "2026-01-05 20:00:00"},
        EVENT,
    ]
    installed = GOOD | {
        "install_time": "2026-01-05 10:00:00", "attributed_touch_time": "2026-01-05 09:59:00",
        "appsflyer_id": " 1-1 ", "app_id": "COM.a",
    }  # fmt: skip
    load(project, tmp_path / "installs.csv", [installed], "installs", "UTC")
    load(project, tmp_path / "utc.csv", utc, "in_app_events", "UTC")
    load(project, tmp_path / "singapore.csv", singapore, "in_app_events", "Asia/Singapore")
    build(project, "installs", "app_events")
    found = warehouse.query(
        "select toString(event_name) as name, event_at, duplicate_count,"
        f" install_id in (select install_id from {warehouse.table('core', 'installs')}) as known,"
        f" install_id is null from {warehouse.table('core', 'app_events')} order by all"
    )
    noon, four = (datetime(2026, 1, 5, hour, tzinfo=UTC) for hour in (12, 4))
    # Of four o'clock in UTC the install is another one: that of 02:00.
    assert [tuple(map(in_utc, row)) for row in found.rows()] == [
        ("af_purchase", four, 0, 0, 0),
        ("af_purchase", noon, 2, 1, 0),
        ("open", noon, 0, None, 1),
        ("refund", noon, 0, 1, 0),
        ("refund", noon, 0, 1, 0),
    ]


@pytest.mark.parametrize("column", ["gp_install_begin", "device_download_time", "gp_click_time"])
def test_times_of_the_repeated_hour_keep_their_order(
    project: Project, warehouse: Warehouse, tmp_path: Path, column: str
) -> None:
    """Local times of Berlin: touch, the column, install; and what they are in UTC."""
    told = [
        (("2:50:00", "2:05:00", "3:10:00"), (50, 65, 130)),
        (("2:50:00", "2:05:00", "2:10:00"), (50, 65, 70)),
        (("2:10:00", "2:20:00", "2:30:00"), (10, 20, 30)),
        (("2:50:00.500", "2:50:00", "2:50:00"), (50 + 0.5 / 60, 50, 50)),
        (("1:50:00", "2:20:00", "2:10:00"), (-10, 20, 70)),
    ]
    rows = [
        GOOD | {"appsflyer_id": f"1-{place}", "attributed_touch_time": NIGHT.format(touch),
                column: NIGHT.format(device), "install_time": NIGHT.format(install)}
        for place, ((touch, device, install), _) in enumerate(told)
    ]  # fmt: skip
    load(project, tmp_path / "installs.csv", rows, "installs", "Europe/Berlin")
    build(project, "installs")
    name = {"gp_install_begin": "began_at", "device_download_time": "downloaded_at"}
    found = warehouse.query(
        f"select installs.touched_at, installs.{name.get(column, 'play_clicked_at')},"
        f" installs.event_at from {warehouse.table('core', 'installs')} as installs"
        f" inner join {warehouse.table('staging', 'stg_appsflyer__installs')} as staged"
        " using install_id order by staged.source_row"
    )
    midnight = datetime(2025, 10, 26, tzinfo=UTC)
    minutes = [
        tuple((in_utc(time) - midnight).total_seconds() / 60 for time in row)  # type: ignore[operator]
        for row in found.rows()
    ]
    assert minutes == [pytest.approx(wanted) for _, wanted in told]


def test_events_and_verdicts_of_the_repeated_hour(
    project: Project, warehouse: Warehouse, tmp_path: Path
) -> None:
    night = {"attributed_touch_time": NIGHT.format("2:50:00"),
             "install_time": NIGHT.format("2:05:00")}  # fmt: skip
    event = EVENT | night | {"event_time": NIGHT.format("2:10:00")}
    load(project, tmp_path / "events.csv", [event], "in_app_events", "Europe/Berlin")
    verdicts = [VERDICT, VERDICT | {"appsflyer_id": "1-2", "detection_date": "2025-10-27"}]
    load(project, tmp_path / "detection.csv", verdicts, "detection", "Europe/Berlin")
    build(project, "installs", "app_events", "labels")
    at = warehouse.scalar(f"select event_at from {warehouse.table('core', 'app_events')}")
    assert in_utc(at) == datetime(2025, 10, 26, 1, 10, tzinfo=UTC)
    known = warehouse.query(
        f"select known_at from {warehouse.table('core', 'labels')} order by known_at"
    )
    # The day on which clocks are put back has 25 hours, and ends at 23:00 in UTC.
    assert [in_utc(time) for (time,) in known.rows()] == [
        datetime(2025, 10, 26, 23, tzinfo=UTC), datetime(2025, 10, 27, 23, tzinfo=UTC),
    ]  # fmt: skip
