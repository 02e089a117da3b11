"""YAML that unpacks to more than it says is refused before anything is built of it."""

import time
from pathlib import Path

import pytest
import yaml

from clickward.simulator import load_scenario
from clickward.warehouse.build import parse_variables
from clickward.warehouse.errors import UsageError
from clickward.warehouse.profile import Project, find_project, read_target
from clickward.warehouse.sources import reports
from clickward.warehouse.yaml_text import parse_yaml, read_yaml

LINES = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
BOMB = "\n".join(["a0: &a0 [lol, lol]", *LINES, ""])
REFUSED = {
    BOMB: "its aliases unpack to more than 1,000,000 values",
    "a: &a [1, *a]": "the alias \\*a stands inside what it names",
    "a: &a {b: *a}": "the alias \\*a stands inside what it names",
    "[" * 100_000: "is not YAML",
    "- " * 5_000: "is nested more than 100 levels deep",
    "{a: " * 200 + "1" + "}" * 200: "is nested more than 100 levels deep",
    "x: " + "y" * (5 << 20): "has 5 MiB, expected 4 at most",
}


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_document_without_end_is_refused_in_a_second(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(UsageError, match=f"f.yml:? {REFUSED[text]}"):
        parse_yaml(text, "f.yml")
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    "value",
    [
        "2026-13-45",
        "2026-02-30",
        "2026-01-05 25:00:00",
        "9" * 5_000,
        "-" + "9" * 5_000,
        "!!int x",
        "!!int ''",
        "!!float z",
        "!!float ''",
        "!!bool x",
        "!!timestamp x",
        "!!binary é",
        "!!null {}",
        "!!set [a]",
        "!!omap x",
        "{[a]: 1}",
        "{? {a: 1} : 2}",
        "1e5_: !!int 0x",
    ],
)
def test_value_that_is_none_of_its_type_is_one_line(value: str, tmp_path: Path) -> None:
    text = f"days: {value}\n"
    with pytest.raises(UsageError, match=r"^--vars .* is not YAML: ") as told:
        parse_variables(text)
    assert "\n" not in told.value.message
    path = tmp_path / "scenario.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"scenario\.yaml is not YAML: ") as told:
        load_scenario(path)
    assert "\n" not in told.value.message


def test_aliases_that_stay_small_are_read() -> None:
    text = "a: &a {b: [1, 2]}\nc: *a\nd: {<<: *a, e: *a}\n"
    assert parse_yaml(text, "f.yml") == yaml.safe_load(text)


def test_every_yaml_of_a_user_is_read_so(tmp_path: Path) -> None:
    checkout = find_project()
    bomb = tmp_path / "bomb.yaml"
    bomb.write_text(BOMB)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "_x__sources.yml").write_text(BOMB)
    (tmp_path / "dbt_project.yml").write_text("profile: clickward\n")
    (tmp_path / "profiles.yml").write_text(BOMB)
    project = Project(tmp_path, tmp_path)
    with pytest.raises(UsageError, match=r"bomb\.yaml: its aliases unpack"):
        load_scenario(bomb)
    with pytest.raises(UsageError, match="its aliases unpack"):
        parse_variables(BOMB)
    with pytest.raises(UsageError, match=r"_x__sources\.yml: its aliases unpack"):
        reports(project)
    with pytest.raises(UsageError, match=r"profiles\.yml: its aliases unpack"):
        read_target(project)
    assert read_yaml(checkout.project_dir / "dbt_project.yml")["profile"] == "clickward"
