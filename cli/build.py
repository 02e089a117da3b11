"""`clickward build`."""

from datetime import datetime
from typing import Annotated

import typer

from clickward.cli.options import Json, on_project
from clickward.warehouse.profile import Project


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
    from_: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day built, included (UTC)."),
    ] = None,
    to: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, excluded (UTC)."),
    ] = None,
    vars_: Annotated[
        str | None,
        typer.Option("--vars", help="Variables of dbt, as YAML: '{raw_ttl_days: 30}'."),
    ] = None,
    run_tests: Annotated[
        bool,
        typer.Option("--test", help="Run every test, though nothing it reads has changed."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring cleaned tables, features, feature sets and marts up to date, and test them.

    Only days whose rows changed are built again, and the days their windows reach, in chunks
    that bound memory: docs/how-to/backfills.md. A build that was ended goes on where it was. Plain
    `dbt build --project-dir dbt_project --profiles-dir profiles` does the same.

    Where nothing at all has changed since a build of everything that passed, nothing is run; and
    a test whose data have not changed since it passed is not run again. --test runs them all.

    --from and --to leave other days as they are; a later build finds them.

    Examples:

      clickward build

      clickward build --select +core

      clickward build --select fs_install+ --json

      clickward build --from 2026-01-01 --to 2026-02-01
    """
    from clickward.cli.building import DaysProgress
    from clickward.cli.output import print_json, print_table, say
    from clickward.warehouse.build import build as run
    from clickward.warehouse.build import parse_variables
    from clickward.warehouse.connection import connection

    with connection(project) as warehouse, DaysProgress() as progress:
        done = run(
            warehouse,
            select or [],
            full_refresh,
            progress.step,
            from_.date() if from_ else None,
            to.date() if to else None,
            parse_variables(vars_ or "{}"),
            run_tests,
        )
    if as_json:
        print_json(
            {
                "passed": done.passed,
                "failed": done.failed,
                "unchanged": done.unchanged,
                "days": done.days,
            }
        )
        return
    if done.since is not None:
        say(
            f"nothing has changed since the build of {done.since:%Y-%m-%d %H:%M:%S} UTC:"
            f" {done.unchanged} models and tests not run again"
        )
        return
    if done.days:
        print_table(
            ["model", "days built", "rows", "first", "last"],
            [[d["model"], d["days"], d["rows"], d["first_day"], d["last_day"]] for d in done.days],
        )
    else:
        say("every table was up to date: no row was written")
    unchanged = f", {done.unchanged} tests unchanged since they passed" if done.unchanged else ""
    say(f"{done.passed} models and tests passed{unchanged}")
