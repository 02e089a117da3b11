"""`clickward build`."""

from typing import Annotated

import typer

from cli.options import Json, on_project
from warehouse.profile import Project


def register(app: typer.Typer) -> None:
    app.command("build")(on_project(build))


def build(
    project: Project,
    select: Annotated[
        list[str] | None,
        typer.Option("--select", "-s", help="Only these models, in dbt's selector syntax."),
    ] = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Build every day anew, from raw.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring cleaned tables, features, feature sets and marts up to date, and test them.

    Only days whose rows changed are built again, and the days their windows reach. Plain
    `dbt build --project-dir dbt_project --profiles-dir profiles` does the same.

    Examples:

      clickward build

      clickward build --select core

      clickward build --select fs_install+ --json
    """
    from cli.output import Progress, print_json, print_table, say
    from warehouse.build import build as run
    from warehouse.connection import connection

    with connection(project) as warehouse, Progress("building", unit="nodes") as progress:
        done = run(warehouse, select or [], full_refresh, lambda name: progress.advance(1, name))
    if as_json:
        print_json({"passed": done.passed, "failed": done.failed, "days": done.days})
        return
    if done.days:
        print_table(
            ["model", "days built", "rows", "first", "last"],
            [[d["model"], d["days"], d["rows"], d["first_day"], d["last_day"]] for d in done.days],
        )
    else:
        say("every table was up to date: no row was written")
    say(f"{done.passed} models and tests passed")
