"""Scenarios as data: the built-in ones hold together, and a bad file is told what is wrong."""

import json
from datetime import date
from pathlib import Path

import pytest
import yaml
from simulated_reports import Reports, scenario

from clickward.cli.main import app
from clickward.simulator import Contest, Scenario, built_in, load_scenario
from clickward.simulator.attacks import NAMES
from clickward.simulator.scenario import FOLDER
from clickward.warehouse.errors import UsageError

BUILT_IN = ["default", "demo", "evolving", "flood", "hard", "quiet", "talkingdata"]
WORLDS = [name for name in BUILT_IN if name != "talkingdata"]
GOOD = """
name: mine
description: A world of one's own.
days: 3
clicks: 2000
actors:
  - {name: farm_a, attack: device_farm, budget: 0.1}
"""


def written(folder: Path, old: str = "", new: str = "") -> Path:
    """The good file with one thing changed."""
    assert old in GOOD
    path = folder / "mine.yaml"
    path.write_text(GOOD.replace(old, new))
    return path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What `clickward simulate WORDS` prints on stdout."""
    code = app(["simulate", *words], standalone_mode=False)
    assert not code
    return capsys.readouterr().out


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_scenario_is_valid_and_says_what_it_is(name: str) -> None:
    found = load_scenario(name)
    assert found.name == name
    assert len(found.description) > 20


def test_the_scenarios_are_the_files() -> None:
    assert built_in() == BUILT_IN == sorted(path.stem for path in FOLDER.iterdir())


def test_sizes_are_as_promised() -> None:
    assert (scenario("default").days, scenario("default").clicks) == (60, 5_000_000)
    contest = load_scenario("talkingdata")
    assert isinstance(contest, Contest)
    assert (contest.days, contest.clicks) == (4, 184_900_000)
    sizes = {"ip": 364_778, "app": 706, "device": 3_799, "os": 856, "channel": 202}
    assert contest.cardinality == sizes


def test_scenarios_have_the_attacks_they_are_named_for() -> None:
    attacks = {name: {actor.attack for actor in scenario(name).actors} for name in WORLDS}
    assert attacks["default"] == set(NAMES)
    assert attacks["hard"] == {"smart_bots", "mixed_traffic"}
    assert "click_flooding" in attacks["flood"]
    assert all(actor.reactions for actor in scenario("evolving").actors)
    spent = {name: sum(actor.budget for actor in scenario(name).actors) for name in WORLDS}
    assert spent["quiet"] == min(spent.values())
    surges = {name: scenario(name).hard_negatives.incentivised_surges for name in WORLDS}
    assert surges["quiet"] == max(surges.values())


@pytest.mark.parametrize("name", WORLDS)
def test_every_fraud_may_be_found_by_some_source(name: str) -> None:
    world = scenario(name)
    known = {attack for source in world.verdicts for attack in source.recall}
    assert {actor.attack for actor in world.actors} <= known


def test_fields_can_be_replaced() -> None:
    changes = {"days": 4, "clicks": 5_000, "seed": 9, "start": date(2026, 3, 2)}
    found = load_scenario("demo", **changes)
    assert isinstance(found, Scenario)
    assert {name: getattr(found, name) for name in changes} == changes
    assert found.actors == scenario("demo").actors


def test_a_file_of_ones_own_takes_defaults_for_what_it_leaves_out(tmp_path: Path) -> None:
    found = load_scenario(written(tmp_path))
    assert isinstance(found, Scenario)
    assert (found.name, found.days, found.actors[0].mimicry) == ("mine", 3, 0.15)
    assert found.verdicts == ()
    assert load_scenario(str(tmp_path / "mine.yaml")) == found


@pytest.mark.parametrize(
    ("old", "new", "place", "told"),
    [
        ("days: 3", "dayz: 3", "dayz", "Extra inputs are not permitted (found 3)"),
        ("days: 3", "", "days", "Field required"),
        ("days: 3", "days: many", "days", "(found 'many')"),
        ("days: 3", "days: 0", "days", "greater than or equal to 1 (found 0)"),
        ("clicks: 2000", "clicks: 12", "clicks", "greater than or equal to 1000 (found 12)"),
        ("device_farm", "click_fooding", "actors.0.attack", "(found 'click_fooding')"),
        ("budget: 0.1", "budget: 0", "actors.0.budget", "greater than 0 (found 0)"),
        ("budget: 0.1", "budget: 0.1, mimicry: 2", "actors.0.mimicry", "(found 2)"),
        ("budget: 0.1", "budget: 0.1, colour: red", "actors.0.colour", "(found 'red')"),
        ("farm_a", "Farm A", "actors.0.name", "(found 'Farm A')"),
        (
            "budget: 0.1", "budget: 0.1, start: 0.6, end: 0.5",
            "actors.0", "end (0.5) is not after start (0.6)",
        ),
        (
            "budget: 0.1", "budget: 0.1, reactions: [switch]",
            "actors.0", "reaction 'switch' needs switch_to",
        ),
        (
            "budget: 0.1", "budget: 0.1, reactions: [hide]",
            "actors.0.reactions.0", "'move_ctit', 'split', 'dilute' or 'switch' (found 'hide')",
        ),
        (
            "actors:", "traffic: {organic_share: 1}\nactors:",
            "traffic.organic_share", "less than 1 (found 1)",
        ),
        (
            "actors:", "verdicts: [{name: a, recall: {click_fooding: 1}}]\nactors:",
            "verdicts.0.recall.click_fooding", "(found 'click_fooding')",
        ),
        (
            "actors:", "actors:\n  - {name: farm_a, attack: smart_bots, budget: 1}",
            "the scenario", "actors need distinct names, found farm_a, farm_a",
        ),
        ("name: mine", "name: mine\nformat: talkingdata", "cardinality", "Field required"),
        ("name: mine", "name: mine\nformat: csv", "format", "'appsflyer' (found 'csv')"),
    ],
)  # fmt: skip
def test_a_bad_file_is_told_the_place_what_was_found_and_a_hint(
    tmp_path: Path, old: str, new: str, place: str, told: str
) -> None:
    path = written(tmp_path, old, new)
    with pytest.raises(UsageError) as refused:
        load_scenario(path)
    lines = refused.value.message.splitlines()
    assert lines[0] == f"{path}:"
    mine = [line for line in lines[1:] if line.startswith(f"  {place}: ")]
    assert len(mine) == 1, lines
    assert told in mine[0]
    assert refused.value.hint is not None
    assert "docs/reference/simulator.md" in refused.value.hint


def test_a_contest_needs_every_column(tmp_path: Path) -> None:
    whole = yaml.safe_load((FOLDER / "talkingdata.yaml").read_text())
    del whole["zipf"]["os"]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(whole))
    with pytest.raises(UsageError, match="zipf lacks os"):
        load_scenario(tmp_path / "mine.yaml")


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, "days: 3\nclicks: 2000", "days: none\nclicks: 1")
    with pytest.raises(UsageError) as refused:
        load_scenario(path)
    assert len(refused.value.message.splitlines()) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("days: [1, 2", "is not YAML: .* line 1"),
        ("\xe9" * 3, "is not YAML: .* can't decode"),
        ("- days", "expected a mapping, found list"),
        ("", "expected a mapping, found NoneType"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=message) as refused:
        load_scenario(path)
    assert refused.value.hint
    assert str(path) in refused.value.message


@pytest.mark.parametrize("name", ["defualt", "nowhere/mine.yaml"])
def test_no_such_scenario_lists_those_there_are(name: str) -> None:
    with pytest.raises(UsageError, match=f"no scenario '{name}'") as refused:
        load_scenario(name)
    assert refused.value.hint is not None
    assert ", ".join(BUILT_IN) in refused.value.hint


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"days": 0}, "days: Input should be greater than or equal to 1 (found 0)"),
        ({"clicks": 999}, "clicks: Input should be greater than or equal to 1000 (found 999)"),
        ({"seed": -1}, "seed: Input should be greater than or equal to 0 (found -1)"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted (found 'red')"),
    ],
)
def test_changes_that_make_no_world_are_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError) as refused:
        load_scenario("demo", **changes)
    assert told in refused.value.message


def test_the_command_lists_the_scenarios(capsys: pytest.CaptureFixture[str]) -> None:
    shown = run(capsys, "--list")
    for name in BUILT_IN:
        assert any(line.split()[0] == name for line in shown.splitlines() if line.strip()), name
    listed = json.loads(run(capsys, "--list", "--json"))
    assert [one["name"] for one in listed] == BUILT_IN
    assert listed[0]["days"] == 60
    assert listed[0]["actors"][0]["reactions"]


def test_what_is_listed_can_be_a_file_again(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    listed = json.loads(run(capsys, "--list", "--json"))
    for one in listed:
        (tmp_path / "again.yaml").write_text(yaml.safe_dump(one))
        assert load_scenario(tmp_path / "again.yaml") == load_scenario(one["name"])


def test_the_command_writes_a_world(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path, out = written(tmp_path), tmp_path / "world"
    options = ["--days", "2", "--clicks", "1500", "--seed", "5", "--start", "2026-02-01"]
    told = json.loads(run(capsys, "--scenario", str(path), *options, "--out", str(out), "--json"))
    clicks = Reports(out).read("clicks")
    assert told["scenario"] == "mine"
    assert told["rows"]["clicks"] == len(clicks) == 1_500
    assert clicks["event_time"].str.slice(0, 10).unique().sort().to_list() == [
        "2026-02-01",
        "2026-02-02",
    ]


def test_the_command_needs_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="no folder to write to") as refused:
        run(capsys, "--scenario", "demo")
    assert refused.value.hint == "name it with --out, or see --list"
