"""Rows behind a figure, the story of one, and evidence as CSV, against the raw rows in Python."""

import csv
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from reckoning import Reckoning
from scored_world import World

from clickward.analysis.explorer.rows import export_rows, find_rows, story, strongest
from clickward.analysis.explorer.scope import find_scope
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UsageError, UserError
from tests.oracles.explorer import side_of, strength
from tests.oracles.facts import Row

SIDES = ("flagged", "passed", "missed", "false_alarm")


def operating(payload: dict[str, Any], version: str) -> float:
    """The threshold a model flags at where none is asked for."""
    [model] = [one for one in payload["models"] if one["version"] == version]
    value: float = model["operating"]["value"]
    return value


@pytest.mark.parametrize("side", SIDES)
def test_rows_of_each_side_at_each_threshold(
    payload: dict[str, Any], built: Warehouse, rows: list[Row], side: str
) -> None:
    scope = find_scope(built)
    for model in scope.models:
        version = model.version
        # The operating one, one that is a score exactly, and one nobody reaches.
        tied = sorted(row["score"][version] for row in rows)[-30]
        for threshold in (None, tied, 2.0):
            at = operating(payload, version) if threshold is None else threshold
            expected = sorted(side_of(rows, version, at, side), key=strength(version, side))
            ids = [row["id"] for row in expected]
            asked = model if threshold is None else model.at(threshold)
            assert strongest(scope, asked, side, limit=10_000)["id"].to_list() == ids
            found = find_rows(built, None, version, side, limit=5, threshold=threshold)
            assert [row["id"] for row in found] == ids[:5]
            for row in found:
                assert row["flagged"][version] == int(row["score"][version] >= at)
    assert any(
        side_of(rows, one["version"], operating(payload, one["version"]), side)
        for one in payload["models"]
    )


def test_rows_of_a_slice_and_of_some_days(
    payload: dict[str, Any], built: Warehouse, rows: list[Row], world: World
) -> None:
    at = operating(payload, world.champion)
    publishers = payload["dimensions"][1]["values"][:2]
    country = next(row["country"] for row in rows if row["country"])
    first, end = date(2026, 1, 16), date(2026, 1, 19)
    for where in (
        {"publisher": publishers[0]},
        {"publisher": publishers, "country": country},
        {"hour": "7"},
        {"hour": 7},
        {"subpublisher": None},
    ):
        wanted = {
            name: [str(v) if name == "hour" else v for v in (x if isinstance(x, list) else [x])]
            for name, x in where.items()
        }
        expected = [
            row["id"]
            for row in sorted(
                side_of(rows, world.champion, at, "passed"), key=strength(world.champion, "passed")
            )
            if first <= row["day"] < end and all(row[n] in v for n, v in wanted.items())
        ]
        found = find_rows(built, where, None, "passed", first, end, limit=1000)
        assert [row["id"] for row in found] == expected
        assert expected, where
    assert find_rows(built, {"publisher": []}) == []


def test_what_nobody_can_find(built: Warehouse) -> None:
    with pytest.raises(UsageError, match="no side 'left'"):
        find_rows(built, side="left")
    with pytest.raises(UsageError, match="no dimension 'colour'"):
        find_rows(built, {"colour": "red"})
    with pytest.raises(UsageError, match="no model version 'nobody'"):
        find_rows(built, model="nobody")
    with pytest.raises(UserError, match="is not an id"):
        story(built, "nobody")
    with pytest.raises(UserError, match="no click or install has the id"):
        story(built, "00000000-0000-0000-0000-000000000001")
    quote = "o'neil \\"
    assert find_rows(built, {"publisher": quote}) == []


def test_the_story_of_a_row_holds_its_reasons_and_what_it_reported(
    built: Warehouse, rows: list[Row], known: Reckoning, world: World
) -> None:
    reported = {row["install_id"] for row in known.events}
    chosen = max(
        (row for row in rows if row["id"] in reported and row["reasons"][world.champion]),
        key=lambda row: row["score"][world.champion],
    )
    told = story(built, chosen["id"])
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["subject_id"] == chosen["id"]
    assert [one["feature"] for one in told["reasons"]] == chosen["reasons"][world.champion]
    assert all(one["text"] for one in told["reasons"])
    own = [
        (f"{row['event_at']:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z", f"reported {row['event_name']}")
        for row in known.events
        if row["install_id"] == chosen["id"]
        and row["event_date"] <= chosen["day"] + timedelta(days=30)
    ]
    events = [(one["at"], one["says"]) for one in told["events"] if one["kind"] == "event"]
    assert sorted(events) == sorted(own)[-20:]
    before = [one for one in told["events"] if one["kind"] in ("click", "install")]
    assert all(one["at"] <= f"{chosen['at']:%Y-%m-%dT%H:%M:%S.%f}" for one in before)


@pytest.mark.parametrize("side", ["flagged", "missed"])
def test_exported_evidence_reads_back_as_the_rows(
    payload: dict[str, Any], built: Warehouse, world: World, tmp_path: Path, side: str
) -> None:
    path = tmp_path / "deep" / "evidence.csv"
    version = world.challenger
    threshold = payload["edges"][version][60]
    count = export_rows(built, path, None, version, side, threshold=threshold)
    found = find_rows(built, None, version, side, limit=10_000, threshold=threshold)
    with path.open(newline="", encoding="utf-8") as lines:
        read = list(csv.DictReader(lines))
    assert count == len(read) == len(found) > 0
    for line, row in zip(read, found, strict=True):
        for name in ("id", "at", "app", "publisher", "subpublisher", "country", "os", "carrier"):
            assert line[name] == (row[name] or ""), name
        for name in ("ctit_seconds", "payout"):
            assert (float(line[name]) if line[name] else None) == row[name]
        assert float(line["score"]) == row["score"][version]
        assert float(line["threshold"]) == threshold
        assert line["flagged"] == str(row["flagged"][version]) == str(int(side == "flagged"))
        assert (line["model"], line["state"]) == (version, row["state"])
        assert line["reasons"] == "; ".join(row["reasons"])
        assert line["events"].count("; ") == max(len(row["events"]) - 1, 0)
    assert not {"truth", "attack"} & read[0].keys(), "a simulator's truth is no evidence"
    assert [one.name for one in path.parent.iterdir()] == ["evidence.csv"]


def test_a_text_that_is_a_formula_is_exported_as_text(copied: Warehouse, tmp_path: Path) -> None:
    copied.command(
        f"alter table {copied.table('marts', 'scored_installs')} update carrier = '=1+1'"
        " where true settings mutations_sync = 2"
    )
    export_rows(copied, tmp_path / "evidence.csv")
    with (tmp_path / "evidence.csv").open(newline="") as lines:
        assert {line["carrier"] for line in csv.DictReader(lines)} == {"'=1+1"}


def test_of_many_events_the_latest_are_told(copied: Warehouse, rows: list[Row]) -> None:
    chosen = rows[0]
    name = copied.table("core", "app_events")
    copied.command(
        f"insert into {name} select one.* replace (toUUID('{chosen['id']}') as install_id,"
        f" toDate('{chosen['day']}') + 1 as event_date,"
        f" toDateTime64('{chosen['day']} 00:00:00', 3, 'UTC') + interval 1 day"
        f" + interval number second as event_at) from (select * from {name} limit 1) as one"
        " cross join numbers(30) as numbers"
    )
    told = story(copied, chosen["id"])
    last = f"{chosen['day'] + timedelta(days=1)}T00:00:29.000Z"
    assert last in [one["at"] for one in told["events"]]
    assert len(told["events"]) == 20
