"""`clickward publish`."""

import typer

from clickward.cli.options import Json, on_project
from clickward.warehouse.profile import Project


def register(app: typer.Typer) -> None:
    app.command("publish")(on_project(publish))


def publish(project: Project, as_json: Json = False) -> None:
    """Copy the marts for readers, and let the doors that serve them take the copy up.

    Only the marts of a finished build that passed its tests are published. Readers keep the
    copy before until the new one stands; nobody is cut off.

    Examples:

      clickward publish

      clickward publish --target server --json
    """
    from clickward.cli.output import print_json, print_table, say
    from clickward.server.publish import publish
    from clickward.warehouse.connection import connection, engine_errors

    with connection(project) as warehouse, engine_errors():
        done = publish(warehouse)
    if as_json:
        print_json({"id": done.id, "folder": str(done.folder), "rows": done.rows})
        return
    print_table(["table", "rows"], list(done.rows.items()))
    say(f"published {done.id}")
