"""Each question of the notebook's page, and each way to ask it wrongly."""

import csv
import getpass
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from scored_world import World

from clickward.analysis.explorer.answers import ANSWERS, Asked, answer
from clickward.models_ml.training.registry import list_thresholds
from clickward.warehouse.connection import Warehouse
from tests.oracles.explorer import side_of, strength
from tests.oracles.facts import Row


@pytest.fixture
def shown(tmp_path: Path) -> Asked:
    """What the page shows: everything that is scored."""
    return Asked("fs_install", None, None, None, tmp_path / "evidence")


def test_rows_at_the_threshold_on_screen(
    payload: dict[str, Any], built: Warehouse, rows: list[Row], world: World, shown: Asked
) -> None:
    threshold = payload["edges"][world.champion][90]
    ask = {"id": 3, "ask": "rows", "where": {}, "model": world.champion, "side": "flagged",
           "threshold": threshold, "from": "2026-01-16", "to": "2026-01-19"}  # fmt: skip
    told = answer(built, shown, ask)
    json.dumps(told, allow_nan=False)
    expected = [
        row["id"]
        for row in sorted(
            side_of(rows, world.champion, threshold, "flagged"),
            key=strength(world.champion, "flagged"),
        )
        if date(2026, 1, 16) <= row["day"] < date(2026, 1, 19)
    ]
    assert (told["id"], told["note"]) == (3, "all there are")
    assert [row["id"] for row in told["rows"]] == expected
    assert expected
    some = answer(built, shown, ask | {"side": "passed", "from": None, "to": None})
    assert len(some["rows"]) == 200
    assert some["note"] == "the 200 strongest; export has all"


def test_bins_of_a_finer_slice(
    payload: dict[str, Any], built: Warehouse, rows: list[Row], shown: Asked
) -> None:
    publisher = payload["dimensions"][1]["values"][0]
    told = answer(built, shown, {"id": 1, "ask": "bins", "where": {"publisher": publisher}})
    json.dumps(told, allow_nan=False)
    assert told["bins"].keys() == payload["bins"].keys()
    assert answer(built, shown, {"ask": "bins"})["bins"] == {
        version: held["all"] for version, held in payload["bins"].items()
    }
    for version, columns in told["bins"].items():
        assert sum(columns["count"]) == sum(
            row["publisher"] == publisher and version in row["score"] for row in rows
        )
        edges = payload["edges"][version]
        for edge in (20, 80):
            above = sum(
                n for b, n in zip(columns["bin"], columns["count"], strict=True) if b >= edge
            )
            assert above == sum(
                row["publisher"] == publisher and row["score"][version] >= edges[edge]
                for row in rows
            )


def test_a_story_and_an_export(
    built: Warehouse, rows: list[Row], world: World, shown: Asked
) -> None:
    told = answer(built, shown, {"id": 5, "ask": "story", "row": rows[0]["id"]})
    assert (told["id"], told["story"]["subject_id"]) == (5, rows[0]["id"])
    ask = {"id": 6, "ask": "export", "side": "flagged", "model": world.champion, "threshold": 0.0}
    told = answer(built, shown, ask)
    assert told["count"] == len(rows), "every row, not the strongest alone"
    with Path(told["path"]).open(newline="") as lines:
        assert {line["id"] for line in csv.DictReader(lines)} == {row["id"] for row in rows}
    assert Path(told["path"]).parent == shown.export_to


def test_a_saved_threshold_says_who_and_why(copied: Warehouse, world: World, shown: Asked) -> None:
    ask = {"id": 7, "ask": "save_threshold", "model": world.champion, "value": 0.625,
           "name": " seen ", "why": "fewer disputes"}  # fmt: skip
    told = answer(copied, shown, ask)
    assert told == {"id": 7, "saved": {"model": world.champion, "name": "seen", "value": 0.625,
                                       "by": getpass.getuser()}}  # fmt: skip
    kept = list_thresholds(copied, world.champion).row(0, named=True)
    assert kept["is_current"]
    assert kept["is_operating"]
    assert (kept["name"], kept["threshold"]) == ("seen", 0.625)
    assert (kept["set_by"], kept["reason"]) == (getpass.getuser(), "fewer disputes")
    assert json.loads(kept["basis"]) == {"chosen_in": "explorer"}
    found = answer(copied, shown, {"id": 8, "ask": "rows", "model": world.champion})
    assert all(row["score"][world.champion] >= 0.625 for row in found["rows"])
    assert found["rows"], "from now on it flags"


@pytest.mark.parametrize(
    ("question", "error"),
    [
        ({"ask": "weather"}, "nobody answers 'weather'"),
        ({}, "nobody answers 'None'"),
        ({"ask": "rows", "model": "nobody"}, "no model version 'nobody'"),
        ({"ask": "rows", "side": "left"}, "no side 'left'"),
        ({"ask": "rows", "where": {"colour": "red"}}, "no dimension 'colour'"),
        ({"ask": "rows", "from": "2026-01-20", "to": "2026-01-16"}, "no day from 2026-01-20"),
        ({"ask": "rows", "from": "yesterday"}, "'yesterday' is no day"),
        ({"ask": "rows", "threshold": "high"}, "'high' is no number"),
        ({"ask": "rows", "threshold": float("nan")}, "nan is no number"),
        ({"ask": "bins", "where": {"colour": "red"}}, "no dimension 'colour'"),
        ({"ask": "story"}, "story is asked without row"),
        ({"ask": "story", "row": "x"}, "is not an id"),
        ({"ask": "export", "side": "left"}, "no side 'left'"),
        ({"ask": "export", "side": "../../x"}, "no side '../../x'"),
        ({"ask": "export", "model": "nobody"}, "no model version 'nobody'"),
        ({"ask": "save_threshold", "value": 0.5, "name": "n", "why": "y"}, "without model"),
        ({"ask": "save_threshold", "model": "nobody", "value": 0.5, "name": "n", "why": "y"},
         "nobody"),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly_is_answered_with_an_error_and_a_hint(
    built: Warehouse, shown: Asked, question: dict[str, Any], error: str
) -> None:
    told = answer(built, shown, {"id": 9} | question)
    assert told.keys() == {"id", "error", "hint"}
    assert told["id"] == 9
    assert error in told["error"]
    assert told["hint"]
    assert not shown.export_to.exists()


@pytest.mark.parametrize(
    "change", [{"name": ""}, {"name": "  "}, {"why": None}, {"why": " "}, {"value": None},
               {"value": "high"}, {"value": float("inf")}],
)  # fmt: skip
def test_a_threshold_without_a_name_a_reason_or_a_number_is_not_saved(
    built: Warehouse, world: World, shown: Asked, change: dict[str, Any]
) -> None:
    before = list_thresholds(built).height
    ask = {"id": 2, "ask": "save_threshold", "model": world.champion, "value": 0.5,
           "name": "seen", "why": "fewer disputes"}  # fmt: skip
    told = answer(built, shown, ask | change)
    assert told["error"]
    assert told["hint"]
    assert list_thresholds(built).height == before


def test_evidence_that_cannot_be_written_is_answered(
    built: Warehouse, shown: Asked, tmp_path: Path
) -> None:
    (tmp_path / "evidence").write_text("a file")
    told = answer(built, shown, {"id": 4, "ask": "export"})
    assert "cannot be written" in told["error"]
    assert told["hint"] == "name another folder as export_to"


def test_there_is_no_question_without_a_test() -> None:
    assert set(ANSWERS) == {"rows", "story", "bins", "save_threshold", "export"}
