"""`clickward init`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clickward.cli.options import Json

if TYPE_CHECKING:
    from clickward.warehouse.project_files import Laid

MEANING = {
    "added": "added",
    "replaced": "replaced",
    "removed": "removed",
    "merge": "yours is kept, ours is beside it as .new",
    "left out": "you deleted it: left out",
    "kept": "no longer shipped: yours is kept",
}


def register(app: typer.Typer) -> None:
    app.command("init")(init)


def init(
    named: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            help="Folder of the project, made if it is not there; default: this one, and with"
            " --upgrade the nearest above that holds a project.",
        ),
    ] = None,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Bring the project there up to this version.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Lay dbt_project/ and profiles/ into a folder, for you to edit.

    With --upgrade files you have not touched are replaced, added and removed; beside those you
    have, the new text is written as NAME.new. A run that was killed can be repeated.

    Examples:

      clickward init

      clickward init fraud

      clickward init --upgrade
    """
    from dataclasses import asdict

    from clickward.cli.output import print_json, say
    from clickward.warehouse.project_files import holds_project, lay, not_ignored
    from clickward.warehouse.project_files import upgrade as bring_up

    folder = (named or Path()).resolve()
    if upgrade and named is None:
        folder = next((f for f in (folder, *folder.parents) if holds_project(f)), folder)
    done = bring_up(folder) if upgrade else lay(folder)
    if as_json:
        print_json(asdict(done))
    elif upgrade:
        _tell_upgrade(folder, done)
    else:
        say(f"laid a project of {len(done.changes)} files into {folder}, version {done.after}")
        there = "" if folder == Path.cwd() else f"cd {folder}, then "
        if missing := not_ignored(folder):
            say(f"hint: add to {folder / '.gitignore'}: {' '.join(missing)}")
        say(f"next: {there}`clickward demo`, or `clickward load` with files of your own")


def _tell_upgrade(folder: Path, done: "Laid") -> None:
    """The files an upgrade did something to, and those that wait for the user."""
    from clickward.cli.output import print_table, say
    from clickward.warehouse.project_files import unmerged

    if done.changes:
        print_table(["file", "done"], [[c.path, MEANING[c.action]] for c in done.changes])
    if done.before == done.after and not done.changes:
        say(f"the project is of version {done.after} already")
    else:
        say(f"from version {done.before} to {done.after}")
    waiting = unmerged(folder)
    if waiting:
        say(f"hint: merge and delete {len(waiting)} file(s): {', '.join(waiting[:10])}")
