"""`clickward forget`: remove everything that belongs to one id."""

import sys
from contextlib import redirect_stdout
from typing import Annotated

import typer

from clickward.cli.options import Json, on_project
from clickward.cli.output import print_json, print_table, say
from clickward.warehouse.errors import UsageError
from clickward.warehouse.profile import Project


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("forget")(on_project(forget))


def forget(
    project: Project,
    id_: Annotated[
        str, typer.Argument(metavar="ID", help="The id; - reads it from standard input.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking.")] = False,
    as_json: Json = False,
) -> None:
    """Remove everything that belongs to ID from every stage, snapshot and score table.

    ID is an advertising id, IDFA, OAID, Android id, IDFV, IMEI, customer user id, AppsFlyer id or
    IP address as the person gives it, or the UUID of a click or install. Shows what would go and
    asks first. Nothing of the id itself is kept. Safe to interrupt: run any forget again before
    the next build, and it finishes.

    \b
    clickward forget 6d92078a-8246-4ba4-ae5b-76104861e7dc
    clickward forget 203.0.113.7 --yes --json
    clickward forget - --yes < id.txt
    """
    from clickward.server.publish import remove_left
    from clickward.warehouse.connection import connection
    from clickward.warehouse.content import ContentHash
    from clickward.warehouse.forget import find, parse_id, remove, resume

    wanted = parse_id(sys.stdin.readline() if id_ == "-" else id_)
    if not yes and (id_ == "-" or not sys.stdin.isatty()):
        raise UsageError("there is no terminal to ask on", "say --yes to remove without asking")
    with connection(project) as warehouse:
        remove_left(warehouse)
        finished = resume(warehouse, ContentHash)
        if finished is not None:
            say("finished what an interrupted forget had begun")
        plan = find(warehouse, wanted)
        if not plan.rows:
            say("nothing belongs to this id")
            rows = finished or {}
        else:
            if not yes and not _confirmed(plan.rows):
                say("nothing was removed")
                return
            remove(warehouse, plan, ContentHash)
            rows = {
                name: (finished or {}).get(name, 0) + plan.rows.get(name, 0)
                for name in {**(finished or {}), **plan.rows}
            }
    if as_json:
        print_json([{"table": name, "rows": count} for name, count in rows.items()])
    elif rows:
        print_table(("table", "rows removed"), list(rows.items()))
    if rows:
        say("hint: run `clickward build` next, so that features and marts of others agree")


def _confirmed(rows: dict[str, int]) -> bool:
    with redirect_stdout(sys.stderr):
        print_table(("table", "rows to remove"), list(rows.items()))
    return typer.confirm("Remove these rows for ever?", err=True)
