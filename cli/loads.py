"""`clickward loads`: the load ledger."""

import typer

from clickward.cli.options import Json, on_project
from clickward.cli.output import print_json, print_table, say
from clickward.warehouse.profile import Project

COLUMNS = (
    "load_id",
    "source",
    "report",
    "file",
    "loaded",
    "kept",
    "duplicates",
    "rejected",
    "unread_values",
    "rejected_at_load",
    "committed_at",
)


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("loads")(on_project(loads))


def loads(project: Project, as_json: Json = False) -> None:
    """List committed loads, and what became of their rows after a build.

    \b
    clickward loads
    clickward loads --json

    loaded = kept + duplicates + rejected. Rows rejected_at_load never reached raw and come on top.
    unread_values were there and could not be read, such as 1,5 for a cost: they are NULL in core.
    """
    from clickward.warehouse.connection import connection
    from clickward.warehouse.loading.ledger import list_loads

    with connection(project) as warehouse:
        found = list_loads(warehouse)
    rows = found.to_dicts()
    if as_json:
        print_json(rows)
    else:
        shown = found.with_columns(found["committed_at"].dt.strftime("%Y-%m-%d %H:%M:%S"))
        print_table(COLUMNS, shown.select(COLUMNS).rows())
    if not rows:
        say("hint: nothing is loaded; start with `clickward load`")
    elif any(row["kept"] is None and row["source"] != "truth" for row in rows):
        say("hint: run `clickward build` to count what was kept")
