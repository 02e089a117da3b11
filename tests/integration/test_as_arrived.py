"""Features as a live scorer would have had them, beside brute force over what had arrived."""

import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from harness import run

from clickward.warehouse.as_arrived import features_as_arrived, share_changed
from clickward.warehouse.build import run_dbt
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import read_feature_set
from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import Project
from tests.integration.test_promise_future import write_clicks

DAY = datetime(2024, 1, 2)
# Hours whose folders the clicks came in: most in their own, some of hour 0 with hour 1.
HOURS = (0, 1)
WINDOWS = {"10m": timedelta(minutes=10), "1h": timedelta(hours=1), "1d": timedelta(days=1)}


def clicks() -> list[tuple[datetime, datetime, int, int]]:
    """Time, arrival, address and app of each."""
    dice = random.Random(3)
    rows = []
    for number in range(150):
        at = DAY + timedelta(seconds=dice.randrange(2 * 3600))
        hour = 1 if number % 4 == 0 else at.hour
        seen = DAY + timedelta(hours=hour + 1)
        rows.append((at, seen, dice.randint(1, 4), dice.randint(1, 3)))
    return rows


def test_a_late_row_is_missing_until_it_arrives(
    project: Project, warehouse: Warehouse, tmp_path: Path
) -> None:
    rows = clicks()
    for hour in HOURS:
        folder = tmp_path / f"dt=2024-01-02/h={hour}"
        folder.mkdir(parents=True)
        came = [one for one in rows if one[1] == DAY + timedelta(hours=hour + 1)]
        file = write_clicks(
            folder / "clicks.csv", [[ip, app, 1, 1, 1, at, "", 0] for at, _, ip, app in came]
        )
        run(project, "load", "talkingdata", file)
    run_dbt(project, ["run", "--select", "+fs_click", "staging", "installs", "app_events"])
    feature_set = read_feature_set(project, "fs_click")
    found = features_as_arrived(warehouse, feature_set, DAY, DAY + timedelta(days=1))
    kept = warehouse.query(
        "select click_id, event_at, ip_hash, app_id, arrived_at from"
        f" {warehouse.table('core', 'clicks')}"
    ).to_dicts()
    answers = {row["click_id"]: row for row in found.to_dicts()}
    assert len(answers) == found.height == len(kept) > 140
    for subject in kept:
        answer = answers[subject["click_id"]]
        assert answer["decided_at"] == subject["arrived_at"]
        for name, reach in WINDOWS.items():
            there = [
                event
                for event in kept
                if event["ip_hash"] == subject["ip_hash"]
                and subject["event_at"] - reach <= event["event_at"] < subject["event_at"]
                and event["arrived_at"] <= subject["arrived_at"]
            ]
            assert answer[f"ip__clicks_{name}"] == len(there)
            if name == "1d":
                assert answer["ip__apps_1d"] == len({event["app_id"] for event in there})
    changed = share_changed(warehouse, feature_set, found)
    # Built when all had come, features hold more: the comparison above can fail.
    whole = warehouse.query(
        f"select click_id, ip__clicks_1d from {feature_set.relation}"
    ).to_dicts()
    more = [row["ip__clicks_1d"] - answers[row["click_id"]]["ip__clicks_1d"] for row in whole]
    assert min(more) == 0
    assert sum(one > 0 for one in more) > 10
    assert changed["ip__clicks_1d"] == sum(one > 0 for one in more) / len(more)
    assert changed["click__app"] == 0
    assert not warehouse.scalar("select count() from system.databases where name like '%_check_%'")


def test_what_never_arrives_is_refused(project: Project, warehouse: Warehouse) -> None:
    days = read_feature_set(project, "fs_publisher_day")
    with pytest.raises(UserError, match="is about a subpublisher_day, which never arrives"):
        features_as_arrived(warehouse, days, DAY, DAY + timedelta(days=1))
