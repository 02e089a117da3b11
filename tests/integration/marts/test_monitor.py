"""`clickward monitor`: its exit code and findings for a well world and for each that ails."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from scored_world import SCHEMA, World

from clickward.analysis.monitoring.limits import read_limits
from clickward.cli.main import app
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UsageError, UserError
from tests.harness import where

LAST_DAY = "2026-01-21"
MORNING = "2026-01-22T02:00:00"
# Attacks of the simulated world's last week are new on purpose; a well world is one without.
WELL = ["--limit", "drift_features=60"]
Monitor = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def monitor(world: World, capsys: pytest.CaptureFixture[str]) -> Monitor:
    """Runs the command; its exit code and what it said as JSON."""

    def run(*words: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = app(["monitor", "--json", *words, *where(world.project)], standalone_mode=False)
        return code or 0, json.loads(capsys.readouterr().out)

    return run


def alarms(said: dict[str, Any]) -> set[str]:
    return {found["check"] for found in said["findings"] if found["state"] == "alarm"}


def test_all_well(built: Warehouse, monitor: Monitor) -> None:
    code, said = monitor("--now", MORNING, *WELL)
    assert alarms(said) == set()
    assert code == 0
    assert said["is_well"]
    judged = {found["check"] for found in said["findings"] if found["state"] == "ok"}
    assert judged == {"freshness", "volume", "drift", "score distribution", "model quality"}


def test_stale(built: Warehouse, monitor: Monitor) -> None:
    code, said = monitor("--now", "2026-01-23T12:00:00", *WELL)
    assert code == 10
    stale = [f for f in said["findings"] if f["check"] == "freshness" and f["state"] == "alarm"]
    assert {found["subject"] for found in stale} >= {"clicks of appsflyer", "installs of appsflyer"}
    assert all(found["value"] > found["limit"] == 36 for found in stale)
    code, _ = monitor("--now", "2026-01-23T12:00:00", *WELL, "--limit", "max_age_hours=60",
                      "--limit", "volume_low=0")  # fmt: skip
    assert code == 0


def change(warehouse: Warehouse, mart: str, what: str, then: Callable[[], None]) -> None:
    """Alter a mart, look, and put it back."""
    name = warehouse.table("marts", mart)
    warehouse.command(f"alter table {name} update {what} settings mutations_sync = 2")
    then()
    warehouse.command(f"create or replace table {name} clone as {SCHEMA}_marts.{mart}")


def test_each_alarm_has_its_code(copied: Warehouse, monitor: Monitor) -> None:
    def expect(code: int, check: str, *words: str) -> Callable[[], None]:
        def look() -> None:
            found, said = monitor("--now", MORNING, *(words or WELL))
            assert (found, alarms(said)) == (code, {check})

        return look

    change(
        copied, "mart_arrival_lag_daily",
        f"rows = intDiv(rows, 2) where kind = 'click' and event_date = '{LAST_DAY}'",
        expect(11, "volume"),
    )  # fmt: skip
    change(
        copied, "mart_feature_drift_daily",
        "is_drift = feature = 'device__clicks_1d' where not is_reference",
        expect(12, "drift", "--limit", "drift_features=0"),
    )  # fmt: skip
    change(
        copied, "mart_model_quality_daily",
        "frauds_flagged = intDiv(frauds_flagged, 4) where labels = 'matured'",
        expect(14, "model quality"),
    )  # fmt: skip
    change(copied, "mart_model_quality_daily", "is_complete = 0 where true", lambda: well(monitor))
    scores = copied.table("ml", "scores")
    copied.command(
        f"alter table {scores} update score = 1 - score where toDate(subject_at) = '{LAST_DAY}'"
        " settings mutations_sync = 2"
    )
    expect(13, "score distribution")()


def well(monitor: Monitor) -> None:
    """Without complete days quality is unknown, which alarms nobody."""
    code, said = monitor("--now", MORNING, *WELL)
    assert code == 0
    states = {f["state"] for f in said["findings"] if f["check"] == "model quality"}
    assert states == {"unknown"}


def test_a_failed_build_is_stale(copied: Warehouse, monitor: Monitor) -> None:
    runs = copied.table("raw", "build_runs")
    copied.command(
        f"alter table {runs} update event = 'failed' where event != 'begun'"
        " settings mutations_sync = 2"
    )
    code, said = monitor("--now", MORNING, *WELL)
    assert code == 10
    (found,) = [f for f in said["findings"] if f["subject"] == "last build"]
    assert found["seen"] == "the last build failed"


def test_wrong_limits_and_an_unbuilt_store_are_errors(
    world: World, monitor: Monitor, warehouse: Warehouse
) -> None:
    with pytest.raises(UsageError, match="no limit is called 'age'") as wrong:
        read_limits(world.project, ["age=3"])
    assert wrong.value.exit_code == 2
    with pytest.raises(UsageError, match="gives no number"):
        read_limits(world.project, ["max_age_hours=soon"])
    with pytest.raises(UserError, match="is not built") as unbuilt:
        monitor("--now", MORNING)
    assert unbuilt.value.exit_code == 1
