"""`clickward init` from outside: what it lays, what it refuses, and how it brings a project up."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
VERSION = yaml.safe_load((ROOT / "dbt_project" / "dbt_project.yml").read_text())["version"]
RECORD = "clickward-project.json"
CLICKS = "dbt_project/models/core/clicks.sql"
MACRO = "dbt_project/macros/statistics.sql"
PROFILE = "profiles/profiles.yml"
GONE = "dbt_project/models/core/gone.sql"
GONE_EDITED = "dbt_project/models/core/gone_edited.sql"
# For each file what an upgrade of the fixture `aged` does to it.
DONE = {
    MACRO: "replaced",
    CLICKS: "merge",
    GONE: "removed",
    GONE_EDITED: "kept",
    "dbt_project/macros/_macros.yml": "added",
    "dbt_project/models/core/labels.sql": "left out",
}


def clickward(place: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return _run(["-m", "clickward.cli.main", *map(str, words)], place)


def killed(place: Path, at: int, *words: str) -> int:
    """Run a command that is killed before it puts the `at`th file in place; its exit code."""
    return _run([str(HERE / "killed_child.py"), str(at), *words], place).returncode


def _run(words: list[str], place: Path) -> subprocess.CompletedProcess[str]:
    unset = ("CLICKWARD_", "DBT_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(unset)}
    return subprocess.run(
        [sys.executable, *words],
        cwd=place, env=environment, text=True, capture_output=True, check=False,
    )  # fmt: skip


def texts(folder: Path) -> dict[str, bytes]:
    """Every file of a folder but what dbt makes, by its path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not {"target", "logs", ".user.yml"} & set(path.parts)
    }


def shipped() -> dict[str, bytes]:
    return {
        f"{name}/{path}": text
        for name in ("dbt_project", "profiles")
        for path, text in texts(ROOT / name).items()
    }


def sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


@pytest.fixture
def laid(tmp_path: Path) -> Path:
    done = clickward(tmp_path, "init", "fraud")
    assert done.returncode == 0, done.stderr
    return tmp_path / "fraud"


@pytest.fixture
def aged(laid: Path) -> Path:
    """A project of an earlier version that its user has worked on: see `DONE`."""
    record = json.loads((laid / RECORD).read_text())
    older, mine = b"-- as shipped before\n", b"-- mine\n"
    for name, text in {MACRO: older, CLICKS: mine, GONE: older, GONE_EDITED: mine}.items():
        (laid / name).write_bytes(text)
        record["files"][name] = sha256(older)
    (laid / "dbt_project/macros/_macros.yml").unlink()
    del record["files"]["dbt_project/macros/_macros.yml"]
    (laid / "dbt_project/models/core/labels.sql").unlink()
    record["files"]["dbt_project/models/core/labels.sql"] = sha256(older)
    # Edited, but no different in the new version: nothing is to be merged.
    (laid / PROFILE).write_bytes(mine)
    (laid / RECORD).write_text(json.dumps(record | {"version": "0.1.9"}))
    return laid


@pytest.fixture
def first_release(tmp_path: Path) -> Path:
    """The project of version 0.1.0, which had no record, copied out of a checkout."""
    with tarfile.open(HERE / "project-0.1.0.tar.gz") as archive:
        archive.extractall(tmp_path / "old", filter="data")
    return tmp_path / "old"


def test_a_project_is_laid(laid: Path) -> None:
    found = texts(laid)
    record = json.loads(found.pop(RECORD))
    assert found.pop("README.md").startswith(b"# Mobile ad fraud with clickward\n")
    assert found.pop(".gitignore").startswith(b".clickward/\n")
    assert found == shipped()
    assert record == {"version": VERSION, "files": {k: sha256(v) for k, v in found.items()}}


def test_doctor_is_content(laid: Path) -> None:
    findings = json.loads(clickward(laid, "doctor", "--json").stdout)
    project = next(finding for finding in findings if finding["check"] == "project")
    assert (project["state"], project["seen"]) == ("ok", f"{VERSION}, in {laid}")


def test_what_the_user_has_is_kept(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / ".gitignore").write_text("*.csv\n")
    done = clickward(tmp_path, "init", "--json")
    told = json.loads(done.stdout)
    assert (told["before"], told["after"], told["folder"]) == (None, VERSION, str(tmp_path))
    assert {change["path"] for change in told["changes"]} == shipped().keys()
    assert (tmp_path / "README.md").read_text() == "mine"
    assert (tmp_path / ".gitignore").read_text() == "*.csv\n"


@pytest.mark.parametrize(
    "name", ["dbt_project.yml", "dbt_project/dbt_project.yml", "profiles/profiles.yml", CLICKS]
)
def test_another_project_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("name: theirs\n")
    done = clickward(tmp_path, "init")
    assert done.returncode == 2
    assert f"holds another project: {name} is not what clickward ships" in done.stderr
    assert "hint: choose another folder: `clickward init DIR`" in done.stderr
    assert texts(tmp_path) == {name: b"name: theirs\n"}


def test_what_is_not_ignored_yet_is_told(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("logs/\n.venv/\n")
    done = clickward(tmp_path, "init")
    assert done.returncode == 0
    lines = ".clickward/ dbt_project/target/ dbt_project/logs/"
    assert f"hint: add to {tmp_path / '.gitignore'}: {lines}\n" in done.stderr


def test_an_upgrade_finds_the_project_above(aged: Path) -> None:
    done = clickward(aged / "dbt_project" / "models", "init", "--upgrade")
    assert done.returncode == 0, done.stderr
    check_upgraded(aged)


def test_a_second_time_is_refused(laid: Path) -> None:
    before = texts(laid)
    done = clickward(laid, "init")
    assert done.returncode == 2
    assert "holds a project of clickward already" in done.stderr
    assert "hint: `clickward init --upgrade DIR`" in done.stderr
    assert texts(laid) == before


@pytest.mark.parametrize("words", [["init"], ["init", "--upgrade"]])
def test_a_checkout_is_left_alone(words: list[str]) -> None:
    done = clickward(ROOT, *words)
    assert done.returncode == 2
    assert f"{ROOT} is a checkout of clickward" in done.stderr
    assert not (ROOT / RECORD).exists()


def test_nothing_to_upgrade_is_said(tmp_path: Path) -> None:
    done = clickward(tmp_path, "init", "--upgrade")
    assert done.returncode == 2
    assert f"there is no dbt_project/dbt_project.yml in {tmp_path}" in done.stderr
    assert "hint: name the project's folder, or make one: `clickward init DIR`" in done.stderr


def check_upgraded(folder: Path) -> None:
    """The fixture `aged`, brought up."""
    new = shipped()
    found = texts(folder)
    record = json.loads(found[RECORD])
    assert record == {"version": VERSION, "files": {k: sha256(v) for k, v in new.items()}}
    assert found[MACRO] == new[MACRO]
    assert found["dbt_project/macros/_macros.yml"] == new["dbt_project/macros/_macros.yml"]
    assert (found[CLICKS], found[f"{CLICKS}.new"]) == (b"-- mine\n", new[CLICKS])
    assert (found[PROFILE], found[GONE_EDITED]) == (b"-- mine\n", b"-- mine\n")
    own = {RECORD, "README.md", ".gitignore", GONE_EDITED, f"{CLICKS}.new"}
    assert found.keys() - new.keys() == own
    assert new.keys() - found.keys() == {"dbt_project/models/core/labels.sql"}


def test_upgrade_keeps_what_the_user_touched(aged: Path) -> None:
    done = clickward(aged, "init", "--upgrade", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {change["path"]: change["action"] for change in told["changes"]} == DONE
    assert (told["before"], told["after"]) == ("0.1.9", VERSION)
    check_upgraded(aged)


def test_upgrade_says_what_waits_until_it_is_merged(aged: Path) -> None:
    first = clickward(aged, "init", "--upgrade")
    assert f"{CLICKS}  " in first.stdout
    assert "yours is kept, ours is beside it as .new" in first.stdout
    again = clickward(aged, "init", "--upgrade")
    assert again.stdout == ""
    assert f"the project is of version {VERSION} already" in again.stderr
    assert f"hint: merge and delete 1 file(s): {CLICKS}.new" in again.stderr
    check_upgraded(aged)
    doctor = clickward(aged, "doctor").stdout
    assert f"{VERSION}, in {aged}; 1 to merge" in doctor
    (aged / f"{CLICKS}.new").unlink()
    assert "merge" not in clickward(aged, "init", "--upgrade").stderr


def test_an_edited_text_beside_is_not_written_over(aged: Path) -> None:
    (aged / f"{CLICKS}.new").write_text("half merged")
    before = texts(aged)
    done = clickward(aged, "init", "--upgrade")
    assert done.returncode == 1
    assert f"1 file(s) would be written over: {CLICKS}.new" in done.stderr
    assert texts(aged) == before


def test_a_killed_init_is_repeated(tmp_path: Path) -> None:
    for at in (1, 2, 3, 90, 199, 200):
        folder = tmp_path / str(at)
        assert killed(tmp_path, at, "init", str(folder)) == -9
        assert not (folder / RECORD).exists()
        done = clickward(tmp_path, "init", folder)
        assert done.returncode == 0, done.stderr
        assert texts(folder).keys() == shipped().keys() | {RECORD, "README.md", ".gitignore"}


def test_a_killed_upgrade_is_repeated(aged: Path, tmp_path: Path) -> None:
    # Four files are written or removed, and the record last.
    for at in range(1, 6):
        folder = shutil.copytree(aged, tmp_path / str(at))
        assert killed(folder, at, "init", "--upgrade") == -9
        assert json.loads((folder / RECORD).read_text())["version"] == "0.1.9"
        done = clickward(folder, "init", "--upgrade")
        assert done.returncode == 0, done.stderr
        check_upgraded(folder)


def test_a_project_without_a_record_is_brought_up(first_release: Path) -> None:
    mine = (first_release / CLICKS).read_text() + "-- mine\n"
    (first_release / CLICKS).write_text(mine)
    refused = clickward(first_release, "loads")
    assert refused.returncode == 2
    assert "is too old for clickward: 0.1.0" in refused.stderr
    assert "hint: clickward init --upgrade\n" in refused.stderr
    done = clickward(first_release, "init", "--upgrade", "--json")
    assert done.returncode == 0, done.stderr
    told = {change["path"]: change["action"] for change in json.loads(done.stdout)["changes"]}
    assert [path for path, action in told.items() if action == "merge"] == [CLICKS]
    assert told["dbt_project/dbt_project.yml"] == "replaced"
    found = texts(first_release)
    assert found[CLICKS] == mine.encode()
    assert found[f"{CLICKS}.new"] == shipped()[CLICKS]
    untouched = shipped().keys() - {CLICKS}
    assert {name: found[name] for name in untouched} == {n: shipped()[n] for n in untouched}
    assert found.keys() == shipped().keys() | {RECORD, f"{CLICKS}.new"}


def test_dbt_does_not_read_what_waits_to_be_merged(first_release: Path) -> None:
    clickward(first_release, "init", "--upgrade")
    for name in (CLICKS, "dbt_project/models/core/clicks.yml", "dbt_project/macros/statistics.sql"):
        (first_release / f"{name}.new").write_text("{{ this would not parse")
    parse = ["parse", "--project-dir", "dbt_project", "--profiles-dir", "profiles"]
    done = _run(["-m", "dbt.cli.main", *parse], first_release)
    assert done.returncode == 0, done.stdout
    manifest = json.loads((first_release / "dbt_project/target/manifest.json").read_text())
    files = {node["original_file_path"] for node in manifest["nodes"].values()}
    assert "models/core/clicks.sql" in files
    assert not [file for file in files if file.endswith(".new")]


@pytest.mark.parametrize(
    ("version", "message", "hint"),
    [
        ("0.1.0", "is too old for clickward", "clickward init --upgrade"),
        ("99.0.0", "is newer than clickward", "pip install --upgrade clickward"),
        ("soon", "the project's version 'soon' is not a version of clickward", "clickward"),
    ],
)
def test_a_project_of_another_age_is_refused(
    laid: Path, version: str, message: str, hint: str
) -> None:
    record = json.loads((laid / RECORD).read_text())
    (laid / RECORD).write_text(json.dumps(record | {"version": version}))
    done = clickward(laid, "sql", "select 1")
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert f"hint: {hint}" in done.stderr
    doctor = clickward(laid, "doctor", "--json")
    finding = next(f for f in json.loads(doctor.stdout) if f["check"] == "project")
    assert doctor.returncode == 1
    assert finding["state"] == "failed"
    assert finding["advice"].startswith(hint)
    if version == "99.0.0":
        assert clickward(laid, "init", "--upgrade").returncode == 2


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"version": "0.1.0"}',
        '{"version": 1, "files": {"../x": ""}}',
        '{"version": "0.2.0", "files": []}',
        '{"version": "0.2.0", "files": {"": "a"}}',
        '{"version": "0.2.0", "files": {"dbt_project/a": 3}}',
    ],
)
def test_a_broken_record_is_named(laid: Path, text: str) -> None:
    (laid / RECORD).write_text(text)
    done = clickward(laid, "init", "--upgrade")
    assert done.returncode == 2
    assert f"{laid / RECORD} is not a record of a project" in done.stderr
    assert "hint: take it back from version control" in done.stderr
