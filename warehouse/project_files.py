"""Lays clickward's project into a user's folder, and brings it up to a later version.

The folder is the user's to edit. What was shipped is kept as hashes in the record beside the
project, written last: a run that was killed is repeated, and finds what it has already done.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from clickward.warehouse.errors import UsageError, UserError
from clickward.warehouse.project_version import (
    RECORD,
    SHIPPED,
    Record,
    compare,
    is_checkout,
    project_version,
    read_record,
    shipped_version,
)

FOLDERS = ("dbt_project", "profiles")
# What dbt makes in a project.
MADE = {"target", "logs", "dbt_packages", "__pycache__", ".user.yml"}
PART = ".clickward-init.part"
# Of versions that wrote no record: every text that each file had.
RELEASED = Path(__file__).parent / "released"
# The user's own from the start: written where there is none, and never again.
ONCE = {"README.md": "README.md", ".gitignore": "gitignore"}

Action = Literal["added", "replaced", "removed", "merge", "left out", "kept"]


@dataclass(frozen=True)
class Change:
    """What an upgrade does to one file.

    merge: the user changed it and so did we, the new text is written beside it as NAME.new;
    left out: the user deleted it; kept: the user changed what is no longer shipped.
    """

    path: str
    action: Action


@dataclass(frozen=True)
class Laid:
    """Versions before (None for a new project) and after, and what was done to which file."""

    folder: str
    before: str | None
    after: str
    changes: list[Change]


def lay(folder: Path) -> Laid:
    """Write the project into `folder`, which may hold other things, but no other project."""
    _refuse_checkout(folder)
    _refuse_other_project(folder)
    texts = shipped_texts()
    present = set(_files(folder))
    once = {
        name: (SHIPPED / source).read_bytes()
        for name, source in ONCE.items()
        if not (folder / name).exists()
    }
    for name, text in (once | texts).items():
        if name not in present:
            _write(folder, name, text)
    _write_record(folder, texts)
    added = [Change(name, "added") for name in (*once, *texts)]
    return Laid(str(folder), None, shipped_version(), added)


def upgrade(folder: Path) -> Laid:
    """Bring the project in `folder` up to the version that this program ships.

    Raises `UserError` where there is no project of clickward's, where it is newer, and where an
    edited NAME.new of an earlier upgrade would be written over.
    """
    _refuse_checkout(folder)
    before = _version_to_upgrade(folder)
    texts = shipped_texts()
    base = _base(folder, before)
    changes = plan(_hashes(folder), base, {name: _sha256(text) for name, text in texts.items()})
    _refuse_edited(folder, changes, base, texts)
    for change in changes:
        if change.action in ("added", "replaced"):
            _write(folder, change.path, texts[change.path])
        elif change.action == "merge":
            _write(folder, f"{change.path}.new", texts[change.path])
        elif change.action == "removed":
            _remove(folder, change.path)
    _write_record(folder, texts)
    return Laid(str(folder), before, shipped_version(), changes)


def plan(
    found: Mapping[str, str], base: Mapping[str, set[str]], shipped: Mapping[str, str]
) -> list[Change]:
    """What to do, by path, from hashes: of the user's files, of those shipped then, and now."""
    changes = []
    for path in sorted({*base, *shipped}):
        action = _decide(found.get(path), base.get(path, set()), shipped.get(path))
        if action is not None:
            changes.append(Change(path, action))
    return changes


def unmerged(folder: Path) -> list[str]:
    """The NAME.new files that wait for the user, by path."""
    return [name for name in _files(folder) if name.endswith(".new")]


def shipped_texts() -> dict[str, bytes]:
    """Every file of the project as this program ships it, by its path."""
    return {name: (SHIPPED / name).read_bytes() for name in _files(SHIPPED)}


def holds_project(folder: Path) -> bool:
    return (folder / "dbt_project" / "dbt_project.yml").is_file()


def not_ignored(folder: Path) -> list[str]:
    """Lines of our .gitignore that the user's own lacks: the store holds people's data."""
    wanted = (SHIPPED / ONCE[".gitignore"]).read_text().splitlines()
    present = (folder / ".gitignore").read_text(errors="replace").splitlines()
    return [line for line in wanted if line and line not in present]


def _decide(found: str | None, base: set[str], shipped: str | None) -> Action | None:
    if shipped is None:
        if found is None:
            return None
        return "removed" if found in base else "kept"
    if found == shipped or base == {shipped}:
        return None
    if found is None:
        return "left out" if base else "added"
    return "replaced" if found in base else "merge"


def _base(folder: Path, version: str) -> dict[str, set[str]]:
    """Hashes of what was shipped: by the record, or of a version that wrote none.

    Without a record nobody knows what was laid: a file that is missing was not deleted then.
    """
    record = read_record(folder)
    if record is not None:
        return {name: {found} for name, found in record.files.items()}
    path = RELEASED / f"{version}.json"
    known: dict[str, list[str]] = json.loads(path.read_text()) if path.is_file() else {}
    return {name: set(found) for name, found in known.items() if (folder / name).is_file()}


def _version_to_upgrade(folder: Path) -> str:
    if not holds_project(folder):
        raise UsageError(
            f"there is no dbt_project/dbt_project.yml in {folder}",
            "name the project's folder, or make one: `clickward init DIR`",
        )
    found = project_version(folder / "dbt_project")
    if compare(found, shipped_version()) == "newer":
        raise UsageError(
            f"the project in {folder} is {found}, newer than this clickward, {shipped_version()}",
            "pip install --upgrade clickward",
        )
    return found


def _refuse_checkout(folder: Path) -> None:
    if is_checkout(folder):
        raise UsageError(
            f"{folder} is a checkout of clickward, which has its project already",
            "use it as it is (`git pull` brings it up), or name another folder",
        )


def _refuse_other_project(folder: Path) -> None:
    """A run that was killed left only files as shipped: those are no other project."""
    for place in (folder, *(folder / name for name in FOLDERS)):
        if (place.exists() or place.is_symlink()) and not place.is_dir():
            raise UsageError(f"{place} is not a folder", "name a folder: `clickward init DIR`")
    if read_record(folder) is not None:
        raise UsageError(
            f"{folder} holds a project of clickward already",
            "`clickward init --upgrade DIR` brings it up to this version",
        )
    texts = shipped_texts()
    others = [n for n in _files(folder) if (folder / n).read_bytes() != texts.get(n)]
    if (folder / "dbt_project.yml").exists():
        others.insert(0, "dbt_project.yml")
    if others:
        raise UsageError(
            f"{folder} holds another project: {others[0]} is not what clickward ships",
            "choose another folder: `clickward init DIR`; an older project of clickward's is"
            " brought up by `clickward init --upgrade DIR`",
        )


def _refuse_edited(
    folder: Path, changes: list[Change], base: Mapping[str, set[str]], texts: Mapping[str, bytes]
) -> None:
    found = _hashes(folder)
    edited = [
        f"{change.path}.new"
        for change in changes
        if change.action == "merge"
        and found.get(f"{change.path}.new")
        not in {None, _sha256(texts[change.path]), *base.get(change.path, ())}
    ]
    if edited:
        raise UserError(
            f"{len(edited)} file(s) would be written over: {', '.join(edited[:5])}",
            "merge them into the files they stand beside and delete them, then upgrade again",
        )


def _files(folder: Path) -> Iterator[str]:
    """Paths of the project's files, in order; what dbt makes is none of them."""
    for name in FOLDERS:
        for path in sorted((folder / name).rglob("*")):
            relative = path.relative_to(folder)
            if path.is_file() and not MADE & set(relative.parts):
                yield relative.as_posix()


def _hashes(folder: Path) -> dict[str, str]:
    return {name: _sha256((folder / name).read_bytes()) for name in _files(folder)}


def _sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _write_record(folder: Path, texts: Mapping[str, bytes]) -> None:
    record = Record(shipped_version(), {name: _sha256(text) for name, text in texts.items()})
    if read_record(folder) == record:
        return
    content = {"version": record.version, "files": record.files}
    _write(folder, RECORD, (json.dumps(content, indent=1) + "\n").encode())


def _write(folder: Path, name: str, text: bytes) -> None:
    """Write a file whole or not at all."""
    part = folder / PART
    try:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(text)
        part.replace(folder / name)
    except OSError as error:
        raise UserError(
            f"cannot write {folder / name}: {error.strerror}",
            "mend that and run the same command again: it goes on where it was",
        ) from error


def _remove(folder: Path, name: str) -> None:
    """Delete a file, and the folders that are empty then."""
    path = folder / name
    path.unlink()
    for parent in path.parents:
        if parent == folder or any(parent.iterdir()):
            break
        parent.rmdir()
