"""`clickward explain` against the files that the world was loaded from."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from reckoning import Reckoning
from scored_world import World

from clickward.analysis.decisions.blocklist import decide, list_candidates
from clickward.analysis.decisions.claims import make_claim
from clickward.analysis.explain.story import explain as tell
from clickward.analysis.explain.windows import window_of
from clickward.cli.main import app
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import list_features, read_manifest
from clickward.warehouse.errors import UserError
from tests.harness import where

Explain = Callable[[str], dict[str, Any]]
Row = dict[str, Any]


@pytest.fixture
def explain(built: Warehouse, world: World, capsys: pytest.CaptureFixture[str]) -> Explain:
    def run(subject_id: str) -> dict[str, Any]:
        capsys.readouterr()
        words = ["explain", subject_id, "--json", *where(world.project)]
        assert not app(words, standalone_mode=False)
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        return told

    return run


@pytest.fixture
def known(built: Warehouse, world: World) -> Reckoning:
    return Reckoning(built, world.economics, world.truth)


@cache
def raw_clicks(folder: Path) -> pl.DataFrame:
    """Every click of the files, once."""
    read = [pl.read_parquet(file) for file in sorted((folder / "t=clicks").rglob("*.parquet"))]
    return pl.concat(read).unique()


def instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f")


def check_origin(story: dict[str, Any]) -> Row:
    """The story's raw values are those of the named row of the named file; the first such row."""
    assert story["came_in"]
    for row in story["came_in"]:
        in_file = pl.read_parquet(row["file"]).row(row["row"] - 1, named=True)
        said = {name: str(value) for name, value in row["values"].items()}
        there = {name: value for name, value in in_file.items() if value not in (None, "")}
        assert said.items() <= {k: str(v) for k, v in there.items()}.items()
        assert len(said) >= len(there) - 1
    first: Row = story["came_in"][0]["values"]
    return first


def check_install(story: dict[str, Any], raw: Row) -> None:
    cleaned = story["cleaned"]
    assert datetime.fromisoformat(cleaned["event_at"]) == instant(raw["install_time"])
    assert cleaned["app_id"] == raw["app_id"]
    assert cleaned["publisher"] == raw.get("media_source", "organic")
    if raw.get("attributed_touch_time"):
        lag = instant(raw["install_time"]) - instant(raw["attributed_touch_time"])
        assert cleaned["ctit_seconds"] == pytest.approx(lag.total_seconds())
    assert len(story["came_in"]) == cleaned["duplicate_count"] + 1
    assert raw["ip"] not in json.dumps(cleaned)


def check_score(story: dict[str, Any], known: Reckoning) -> Row:
    score = known.in_force[story["subject_id"]]
    (said,) = [one for one in story["scores"] if one["is_in_force"]]
    for column in ("score", "threshold", "is_flagged", "model_version", "run_id"):
        assert said[column] == score[column], column
    assert [r["feature"] for r in said["reasons"]] == score["reason_features"]
    verb = "flagged: " if score["is_flagged"] else "not flagged: "
    assert story["decision"]["says"].startswith(verb)
    assert len(story["scores"]) == 2, "champion and challenger side by side"
    assert all(reason["meaning"] for reason in said["reasons"])
    return said


LENGTHS = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "7d": timedelta(days=7)}


def check_windows(story: dict[str, Any], raw: Row, clicks: pl.DataFrame) -> int:
    """Rows inside windows over the device's clicks, counted in the files; how many were checked."""
    checked = 0
    at = instant(raw["install_time"])
    for reason in story["scores"][0]["reasons"] + story["scores"][1]["reasons"]:
        if reason.get("events") != "clicks" or reason["keys"] != ["device_hash"]:
            continue
        times = [
            instant(text)
            for text in clicks.filter(pl.col("advertising_id") == raw["advertising_id"])[
                "attributed_touch_time"
            ]
        ]
        first = at - LENGTHS[reason["window"]]
        assert reason["rows_inside"] == sum(first <= time < at for time in times)
        checked += 1
    return checked


def chosen(known: Reckoning, attack: str | None, flagged: int) -> list[str]:
    """Scored installs of an attack, in force flagged so, the highest score first."""
    found = [
        (row["score"], install)
        for install, row in known.in_force.items()
        if known.truth.get(install) == attack and row["is_flagged"] == flagged
    ]
    return [install for _, install in sorted(found, reverse=True)]


def test_an_injected_install(explain: Explain, known: Reckoning) -> None:
    injected = chosen(known, "click_injection", flagged=1)
    assert injected
    story = explain(injected[0])
    raw = check_origin(story)
    check_install(story, raw)
    said = check_score(story, known)
    begun = instant(raw["gp_install_begin"]) - instant(raw["attributed_touch_time"])
    named = {reason["feature"]: reason["value"] for reason in said["reasons"]}
    if "install__click_to_begin_seconds" in named:
        value = float(named["install__click_to_begin_seconds"])
        assert value == pytest.approx(begun.total_seconds(), rel=1e-5)
    signs = {attack for reason in said["reasons"] for attack in reason["attacks"]}
    assert "click_injection" in signs


def test_a_flooded_install_and_its_click(explain: Explain, known: Reckoning, world: World) -> None:
    clicks = raw_clicks(world.files)
    checked, flooding = 0, chosen(known, "click_flooding", flagged=1)
    assert flooding
    for install in flooding[:2]:
        story = explain(install)
        raw = check_origin(story)
        check_install(story, raw)
        check_score(story, known)
        checked += check_windows(story, raw, clicks)
    click = known.warehouse.scalar(
        f"select toString(click_id) from {known.warehouse.table('core', 'clicks')} where event_at ="
        " {at:DateTime64(3, 'UTC')} and publisher = {publisher:String} and app_id = {app:String}",
        at=instant(raw["attributed_touch_time"]),
        publisher=raw["media_source"],
        app=raw["app_id"],
    )
    told = explain(click)
    clicked = check_origin(told)
    assert clicked["attributed_touch_time"] == raw["attributed_touch_time"]
    assert [one["install_id"] for one in told["decision"]["installs"]] == [story["subject_id"]]
    assert told["scores"] == []
    at = instant(clicked["attributed_touch_time"])
    site = clicks.filter(
        (pl.col("media_source") == clicked["media_source"])
        & (pl.col("af_siteid") == clicked["af_siteid"])
        & (pl.col("af_sub_siteid") == clicked["af_sub_siteid"])
    )
    times = [instant(text) for text in site["attributed_touch_time"]]
    for around in told["around"]:
        if around["keys"] == ["publisher", "subpublisher"]:
            first = at - LENGTHS[around["window"]]
            assert around["clicks"] == sum(first <= time < at for time in times)
            checked += 1
    assert checked >= 2


def test_a_clean_install(explain: Explain, known: Reckoning) -> None:
    story = explain(chosen(known, None, flagged=0)[-1])
    raw = check_origin(story)
    check_install(story, raw)
    check_score(story, known)
    assert story["verdicts"] == []
    assert story["decision"]["is_flagged"] == 0
    assert story["decision"]["block_decision"] is None
    assert story["decision"]["claim_id"] is None


def test_the_story_reads_as_text(
    built: Warehouse, known: Reckoning, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    install = chosen(known, "click_injection", flagged=1)[0]
    assert not app(["explain", install, *where(world.project)], standalone_mode=False)
    told = capsys.readouterr().out
    for part in (
        "1.1 What came in",
        "2 How it was cleaned",
        "3 Verdicts",
        "4.1 Score",
        "5 Decision",
    ):
        assert part in told
    assert "flagged: its score" in told


@pytest.mark.parametrize("wrong", ["nonsense", "00000000-0000-0000-0000-000000000001"])
def test_an_unknown_id_names_the_next_command(wrong: str, explain: Explain) -> None:
    with pytest.raises(UserError) as error:
        explain(wrong)
    assert wrong in error.value.message
    assert "clickward sql" in str(error.value.hint)


def test_every_windowed_feature_tells_its_rows(world: World, built: Warehouse) -> None:
    manifest = read_manifest(world.project)
    windowed = [feature for feature in list_features(world.project) if feature.window]
    assert len(windowed) > 70
    for feature in windowed:
        window = window_of(manifest, feature)
        assert window is not None, feature.name
        assert window.keys
        there = built.query(
            f"select event_at, {', '.join(window.keys)} from {window.relation} limit 0"
        )
        assert there.width == 1 + len(window.keys), feature.name


def test_blocks_and_claims_are_part_of_the_story(
    copied: Warehouse, world: World, tmp_path: Path
) -> None:
    free = list_candidates(copied, "shadow").filter(pl.col("is_control") == 0).row(0, named=True)
    decide(copied, [free["candidate_id"]], "approve", "two in five", free["judged_from"])
    flagged = copied.query(free["evidence_query"]).filter(
        (pl.col("model_version") == world.champion) & (pl.col("is_blocked") == 0)
    )
    month = flagged["event_date"].min()
    claim_id, rows = make_claim(copied, free["publisher"], month, tmp_path / "c.csv", "agreed")
    one = next(i for i in rows["install_id"] if i in ids_of(copied, flagged))
    story = tell(copied, one)
    assert story["decision"]["claim_id"] == claim_id
    assert story["decision"]["block_decision"]["candidate_id"] == free["candidate_id"]
    says = story["decision"]["says"]
    assert f"on the block list from {free['judged_from']}: two in five" in says
    assert says.endswith(f"claimed back from {free['publisher']} in claim {claim_id}")


def ids_of(warehouse: Warehouse, flagged: pl.DataFrame) -> list[str]:
    """Ids of those flagged, as text: by time and app, since frames hold UUIDs as bytes."""
    return warehouse.query(
        f"select toString(install_id) as id from {warehouse.table('core', 'installs')}"
        " where event_at in {times:Array(DateTime64(3, 'UTC'))}",
        times=flagged["installed_at"].to_list(),
    )["id"].to_list()
