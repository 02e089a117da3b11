"""`clickward unload`: take loads back."""

import sys
from contextlib import redirect_stdout
from typing import Annotated

import typer

from clickward.cli.options import Json, on_project
from clickward.cli.output import print_json, print_table, say
from clickward.warehouse.errors import UsageError, UserError
from clickward.warehouse.profile import Project

COLUMNS = ("load_id", "source", "report", "file", "rows", "rejected_at_load")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("unload")(on_project(unload))


def unload(
    project: Project,
    loads: Annotated[list[str], typer.Argument(metavar="LOAD...", help="Load id, file or folder.")],
    force: Annotated[
        bool, typer.Option("--force", help="Though scores, claims or a forget rest on it.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would go, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Take back without asking.")] = False,
    as_json: Json = False,
) -> None:
    """Take loads back: after the next build it is as though they had never been loaded.

    LOAD is a load id as `clickward loads` gives it, a file as it was loaded, or a folder: all
    loads below it. Rows of other loads that were counted as copies of a row that goes are kept by
    the next build. The files can be loaded again. Safe to interrupt: run it again to finish.

    Refused where raw rows of the load, or of another load on its days, have expired; and, without
    --force, where scores or claims are of its clicks and installs, or `forget` removed rows of it.
    With --force scores stay in ml, and marts show them no longer; claims stay with their
    evidence, for money was asked for; snapshots and models stay as they are; and loading the file
    again brings back whom `forget` removed.

    \b
    clickward unload 3f0c9a51b7de40aa --dry-run
    clickward unload export/installs_2026-01.csv --yes
    clickward unload data-locker/t=installs/dt=2026-01-02 --yes --json
    """
    from clickward.warehouse.connection import connection
    from clickward.warehouse.loading import unload as taking

    if not (yes or dry_run or sys.stdin.isatty()):
        raise UsageError("there is no terminal to ask on", "say --yes to take back without asking")
    with connection(project) as warehouse:
        standing, gone = taking.find(warehouse, loads)
        if gone.height and not dry_run:
            taking.finish(warehouse, gone)
        for row in gone.to_dicts():
            say(f"{row['file']}: load {row['load_id']} was taken back before")
        rests = taking.Rests()
        if standing.height:
            taking.refuse_lasting(warehouse, standing)
            rests = taking.what_rests(warehouse, standing)
            if str(rests) and not force and not dry_run:
                raise UserError(
                    f"not taken back, for of these {standing.height:,} load(s) there are {rests}",
                    "see what --force does to them: `clickward unload --help`",
                )
            rows = [[row[name] for name in COLUMNS] for row in standing.to_dicts()]
            if not (yes or dry_run):
                with redirect_stdout(sys.stderr):
                    print_table(COLUMNS, rows)
                if not typer.confirm("Take these loads back?", err=True):
                    say("nothing was taken back")
                    return
            if not dry_run:
                taking.take_back(warehouse, standing)
    found = standing.select(COLUMNS).to_dicts() if standing.height else []
    if as_json:
        kept = {"scores": rests.scores, "claimed_installs": rests.claims}
        print_json({"loads": found, **kept, "forgotten_rows": rests.forgotten, "dry_run": dry_run})
    elif found:
        print_table(COLUMNS, [list(row.values()) for row in found])
    if dry_run and str(rests):
        say(f"hint: there are {rests}: taking back needs --force")
    if found and not dry_run:
        say("hint: run `clickward build` next, so that every table agrees")
