"""Which version of the project's files a folder holds, and whether this program can build it."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import clickward
from clickward.warehouse.errors import UsageError
from clickward.warehouse.profile import Project
from clickward.warehouse.yaml_text import read_yaml

# The file beside a project that says what was shipped into it.
RECORD = "clickward-project.json"
# Older projects lack macros or tables that the program asks for: raise it with what asks for more.
OLDEST_PROJECT = "0.2.0"
# The project's files as this version ships them; in a checkout, links to its folders.
SHIPPED = Path(clickward.__file__).parent / "project"

State = Literal["current", "older", "too old", "newer"]


@dataclass(frozen=True)
class Standing:
    """A project's version beside that of the program, and what to do where they do not fit."""

    state: State
    seen: str
    advice: str = ""


@dataclass(frozen=True)
class Record:
    """What was shipped into a project: the version, and the sha256 of each file by its path."""

    version: str
    files: dict[str, str]


def read_record(folder: Path) -> Record | None:
    """The record of the project in `folder`; None where there is none, as in a checkout."""
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text())
        version, files = content["version"], content["files"]
        if not isinstance(files, dict) or not all(isinstance(v, str) for v in files.values()):
            raise ValueError("it names no files with their hashes")
        kept_inside = "" not in files and all(
            Path(name).parts[0] in ("dbt_project", "profiles") for name in files
        )
        if ".." in "/".join(files).split("/") or not kept_inside:
            raise ValueError("it names files outside the project")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{path} is not a record of a project: {error}",
            "take it back from version control; if there is no other, delete it, and"
            " `clickward init --upgrade` keeps every file that differs from the shipped one",
        ) from error
    return Record(version, files)


def is_checkout(folder: Path) -> bool:
    """Whether `folder` is a checkout of clickward itself."""
    path = folder / "pyproject.toml"
    if not path.is_file() or not (folder / "clickward" / "__init__.py").is_file():
        return False
    name: object = tomllib.loads(path.read_text()).get("project", {}).get("name")
    return name == "clickward"


def shipped_version() -> str:
    """The version of the project that this program ships, which is its own."""
    return str(_document(SHIPPED / "dbt_project")["version"])


def project_version(project_dir: Path) -> str:
    """The version of the project's files: its record's, or else the one in dbt_project.yml."""
    record = read_record(project_dir.parent)
    return record.version if record else str(_document(project_dir).get("version", "none"))


def standing(project: Project) -> Standing:
    """How the project's version stands to the program's. A checkout is always current."""
    folder = project.project_dir.parent
    if is_checkout(folder):
        return Standing("current", f"{shipped_version()}, a checkout")
    found, own = project_version(project.project_dir), shipped_version()
    state = compare(found, own)
    seen = {
        "current": f"{found}, in {folder}",
        "older": f"{found}; clickward is {own}",
        "too old": f"{found}; clickward {own} needs {OLDEST_PROJECT} or later",
        "newer": f"{found}; clickward is {own}",
    }
    return Standing(state, seen[state], _advice(state, folder))


def compare(project: str, own: str, oldest: str = OLDEST_PROJECT) -> State:
    """Where a project's version stands. Raises `UsageError` where it is not a version."""
    if project == own:
        return "current"
    from packaging.version import InvalidVersion, Version

    try:
        found = Version(project)
    except InvalidVersion as error:
        raise UsageError(
            f"the project's version {project!r} is not a version of clickward",
            f"clickward's own projects say it in {RECORD}, or in dbt_project.yml",
        ) from error
    if found > Version(own):
        return "newer"
    return "too old" if found < Version(oldest) else "older"


def refuse_unfit(project: Project) -> None:
    """Raises `UsageError` where this program cannot build the project."""
    found = standing(project)
    if found.state in ("too old", "newer"):
        folder = project.project_dir.parent
        what = "newer than clickward" if found.state == "newer" else "too old for clickward"
        raise UsageError(f"the project in {folder} is {what}: {found.seen}", found.advice)


def _advice(state: State, folder: Path) -> str:
    if state == "newer":
        return "pip install --upgrade clickward"
    where = "" if folder == Path.cwd() else f" {folder}"
    return "" if state == "current" else f"clickward init --upgrade{where}"


def _document(project_dir: Path) -> dict[str, Any]:
    document: dict[str, Any] = read_yaml(project_dir / "dbt_project.yml")
    return document
