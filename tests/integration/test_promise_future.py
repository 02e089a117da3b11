"""Promise 1: no feature sees the future. Features against brute force, and against more data."""

import csv
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from harness import run, use_schema, with_fault
from needs import REAL_CLICKS

from clickward.warehouse.build import run_dbt
from clickward.warehouse.connection import Warehouse, connect
from clickward.warehouse.profile import Project
from tests.oracles.windows import before, smoothed_rate

WINDOWS = {
    "1m": timedelta(minutes=1),
    "10m": timedelta(minutes=10),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
    "3d": timedelta(days=3),
}
START = datetime(2024, 2, 27, 21)
HEADER = ["ip", "app", "device", "os", "channel", "click_time", "attributed_time", "is_attributed"]


def write_clicks(path: Path, rows: list[list[Any]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return path


def random_clicks(seed: int, count: int) -> list[list[Any]]:
    """Clicks with many ties, gaps of hours, a heavy key, and events exactly a window apart."""
    dice = random.Random(seed)
    rows = []
    at = START
    for number in range(count):
        gap = dice.choice([0, 0, 0, 1, 30, 60, 60, 600, 3600, 7 * 3600])
        # Steps back as well: rows do not come in the order of time.
        at = max(START, at + timedelta(seconds=gap - (1800 if number % 17 == 0 else 0)))
        ip = 1 if dice.random() < 0.4 else dice.randint(2, 12)
        converted = dice.random() < 0.1
        installed = at + timedelta(seconds=dice.choice([5, 3600, 40 * 3600]))
        rows.append(
            [ip, dice.randint(1, 4), dice.randint(1, 2), dice.randint(1, 2), dice.randint(1, 3), at,
             installed if converted else "", int(converted)]
        )  # fmt: skip
    dice.shuffle(rows)
    return rows


def features(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Clicks with every click feature, as the store has them."""
    core, stage = (warehouse.target.database(name) for name in ("core", "features"))
    return warehouse.query(
        f"""
        select clicks.*, labels.verdict_at, features.*
        from (
            select
                click_id, event_at, ip_hash, app_id, device_model, os_version, publisher,
                subpublisher
            from {core}.clicks
        ) as clicks
        left join (select subject_id, known_at as verdict_at from {core}.labels) as labels
            on labels.subject_id = clicks.click_id
        left join (
            select * except (event_at, event_date, source) from {stage}.fs_click_after
        ) as features on features.click_id = clicks.click_id
        """
    ).to_dicts()


def compare_with_brute_force(warehouse: Warehouse) -> int:
    """Recompute every windowed click feature; returns how many values were compared."""
    rows = features(warehouse)
    events = [
        row
        | {
            "label_known_at": row["verdict_at"],
            "hour": row["event_at"].hour,
            "mirrored_at": START + (START - row["event_at"].replace(tzinfo=None)),
        }
        for row in rows
    ]
    compared = 0
    for row in events:
        for name, expected in expected_features(row, events).items():
            found = row[name]
            if expected is None or found is None:
                assert found == expected, (name, row["event_at"], found, expected)
            else:
                assert found == pytest.approx(expected, abs=1e-9), (name, row["event_at"])
            compared += 1
    return compared


def expected_features(row: dict[str, Any], events: list[dict[str, Any]]) -> dict[str, Any]:
    entities = {
        "ip": ["ip_hash"],
        "ip_app": ["ip_hash", "app_id"],
        "ip_device_os": ["ip_hash", "device_model", "os_version"],
        "publisher": ["publisher"],
        "same_click": ["ip_hash", "app_id", "device_model", "os_version", "publisher"],
    }
    distinct = {
        ("ip", "apps"): ("app_id", ["1h", "1d"]),
        ("ip", "publishers"): ("publisher", ["1h", "1d"]),
        ("ip", "device_models"): ("device_model", ["1d"]),
        ("ip", "os_versions"): ("os_version", ["1d"]),
        ("ip_app", "publishers"): ("publisher", ["1d"]),
        ("ip_device_os", "apps"): ("app_id", ["1h", "1d"]),
        ("ip_device_os", "publishers"): ("publisher", ["1d"]),
    }
    expected: dict[str, Any] = {}
    for entity, keys in entities.items():
        for window in ("1d",) if entity == "same_click" else ("1m", "10m", "1h", "1d"):
            seen = before(row, events, keys, WINDOWS[window])
            expected[f"{entity}__clicks_{window}"] = None if seen is None else seen.count()
            for (owner, measure), (column, windows) in distinct.items():
                if owner == entity and window in windows and seen is not None:
                    expected[f"{entity}__{measure}_{window}"] = seen.distinct(column)
        day = before(row, events, keys, WINDOWS["1d"])
        expected[f"{entity}__seconds_since_click"] = day.seconds_since_last() if day else None
    day = before(row, events, ["ip_hash"], WINDOWS["1d"])
    expected["ip__hour_deviation_1d"] = day.standard_deviation("hour") if day else None
    expected |= expected_after(row, events, {name: entities[name] for name in list(entities)[:3]})
    rates = {
        "app": ["app_id"],
        "publisher": ["publisher"],
        "app_publisher": ["app_id", "publisher"],
        "os": ["os_version"],
    }
    for entity, keys in rates.items():
        expected[f"{entity}__conversion_rate_3d"] = smoothed_rate(
            row, events, keys, WINDOWS["3d"], timedelta(days=1), prior=0.002, weight=100
        )
    return expected


def expected_after(
    row: dict[str, Any], events: list[dict[str, Any]], entities: dict[str, list[str]]
) -> dict[str, Any]:
    """What comes after a click is what came before it, once time runs backwards."""
    backwards = [event | {"event_at": event["mirrored_at"]} for event in events]
    subject = row | {"event_at": row["mirrored_at"]}
    expected: dict[str, Any] = {}
    for entity, keys in entities.items():
        for window in ("1h", "1d"):
            seen = before(subject, backwards, keys, WINDOWS[window])
            expected[f"{entity}__later_clicks_{window}"] = None if seen is None else seen.count()
        day = before(subject, backwards, keys, WINDOWS["1d"])
        expected[f"{entity}__seconds_to_next_click"] = day.seconds_since_last() if day else None
        if entity != "ip_app":
            expected[f"{entity}__later_apps_1d"] = None if day is None else day.distinct("app_id")
    return expected


def build_clicks(project: Project, feature_set: str = "fs_click_after") -> None:
    """Only what features of clicks are made of, without the build's own tests."""
    run_dbt(project, ["run", "--select", f"+{feature_set}"])


def test_features_equal_brute_force(project: Project, warehouse: Warehouse, tmp_path: Path) -> None:
    run(project, "load", "talkingdata", write_clicks(tmp_path / "c.csv", random_clicks(11, 400)))
    build_clicks(project)
    assert compare_with_brute_force(warehouse) > 400 * 40


def test_a_closed_window_is_caught(project: Project, tmp_path: Path) -> None:
    faulty = with_fault(
        project, tmp_path, "macros/windows/frames.sql",
        "preceding and 1 preceding", "preceding and current row",
    )  # fmt: skip
    run(faulty, "load", "talkingdata", write_clicks(tmp_path / "c.csv", random_clicks(11, 150)))
    build_clicks(faulty)
    warehouse = connect(faulty)
    with pytest.raises(AssertionError, match="clicks_1m"):
        compare_with_brute_force(warehouse)
    warehouse.close()


@pytest.mark.full
def test_an_after_window_that_is_a_day_short_is_caught(project: Project, tmp_path: Path) -> None:
    faulty = with_fault(
        project, tmp_path, "macros/windows/after.sql",
        'in_days_with_lookback(days, reach, "event_date - " ~ reach)', "in_days(days)",
    )  # fmt: skip
    rows = random_clicks(11, 150)
    # A day between two that are there already: what comes after it is not built anew.
    between = (START + timedelta(days=1, hours=3)).date()
    halves = [[row for row in rows if (row[5].date() == between) == late] for late in (False, True)]
    assert all(len(half) > 10 for half in halves)
    for number, half in enumerate(halves):
        name = tmp_path / f"{number}.csv"
        run(faulty, "load", "talkingdata", write_clicks(name, half))
        build_clicks(faulty)
    warehouse = connect(faulty)
    with pytest.raises(AssertionError, match=r"later_clicks|seconds_to_next"):
        compare_with_brute_force(warehouse)
    warehouse.close()


@pytest.mark.full
def test_a_rate_that_does_not_wait_for_outcomes_is_caught(project: Project, tmp_path: Path) -> None:
    faulty = with_fault(
        project, tmp_path, "macros/windows/label_changes.sql",
        "subjects.event_at + toIntervalDay({{ maturity_days }})", "subjects.event_at",
    )  # fmt: skip
    run(faulty, "load", "talkingdata", write_clicks(tmp_path / "c.csv", random_clicks(11, 150)))
    build_clicks(faulty)
    warehouse = connect(faulty)
    with pytest.raises(AssertionError, match="conversion_rate_3d"):
        compare_with_brute_force(warehouse)
    warehouse.close()


@pytest.mark.full
def test_later_events_change_no_earlier_feature(
    project: Project, warehouse: Warehouse, tmp_path: Path
) -> None:
    rows = random_clicks(5, 500)
    times = sorted(row[5] for row in rows)
    cut = times[300]
    early = [row for row in rows if row[5] < cut]
    # A verdict given later is later data too: as of the cut these clicks had none.
    held_back = [[*row[:6], "", 0] if row[6] and row[6] >= cut else row for row in early]
    late = [row for row in rows if row[5] >= cut]
    run(project, "load", "talkingdata", write_clicks(tmp_path / "early.csv", held_back))
    build_clicks(project, "fs_click")
    first = earlier_features(warehouse, cut)
    assert len(first) > 250
    run(project, "load", "talkingdata", write_clicks(tmp_path / "late.csv", late))
    run(project, "load", "talkingdata", write_clicks(tmp_path / "verdicts.csv", early))
    build_clicks(project, "fs_click")
    assert earlier_features(warehouse, cut) == first


def earlier_features(warehouse: Warehouse, cut: datetime) -> list[tuple[Any, ...]]:
    """Features (not labels) of the clicks before `cut`, as bytes."""
    table = warehouse.table("features", "fs_click")
    return warehouse.client.query(
        f"""
        select toString(click_id), hex(toString(tuple(* except (is_attributed, label_known_at))))
        from {table} where event_at < {{cut:DateTime64(3)}} order by 1
        """,
        parameters={"cut": cut},
    ).result_rows


@pytest.mark.full
@pytest.mark.real_data
def test_deleting_the_test_period_changes_no_training_feature(
    project: Project, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = "2017-11-08 22:00:00"
    with REAL_CLICKS.open() as file:
        header, *lines = file.read().splitlines()
    kept = [line for line in lines if line.split(",")[5] < cut]
    early = tmp_path / "early.csv"
    early.write_text("\n".join([header, *kept]) + "\n")
    run(project, "load", "talkingdata", early)
    build_clicks(project, "fs_click")
    alone = earlier_features(warehouse, datetime.fromisoformat(cut))
    use_schema(monkeypatch, warehouse.target.schema + "_all")
    run(project, "load", "talkingdata", REAL_CLICKS)
    build_clicks(project, "fs_click")
    everything = connect(project)
    assert earlier_features(everything, datetime.fromisoformat(cut)) == alone
    assert len(alone) == len(set(kept))
    everything.close()
