"""`clickward scores`: what is kept of scores that later runs superseded."""

from typing import Annotated

import typer

from clickward.cli.options import Json, on_project
from clickward.cli.output import print_json, say
from clickward.warehouse.profile import Project


@on_project
def compact_command(
    project: Project,
    keep: Annotated[
        str, typer.Option("--keep", help="How long superseded scores stay: 90d, 0d for none.")
    ] = "90d",
    as_json: Json = False,
) -> None:
    """Remove scores that a later run superseded longer ago than --keep; current ones stay.

    The run ledger keeps when, and how many. Days that lost rows are built again by the next build.

    \b
    Examples:
      clickward scores compact
      clickward scores compact --keep 30d --json
    """
    from clickward.models_ml.scoring.compaction import compact_scores
    from clickward.warehouse.connection import connection
    from clickward.warehouse.durations import parse_duration

    with connection(project) as warehouse:
        run_id, rows = compact_scores(warehouse, parse_duration(keep))
    if as_json:
        print_json({"run_id": run_id, "removed": rows})
        return
    say(f"removed {rows:,} superseded scores")
    print(run_id)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    group = typer.Typer(
        help="Remove superseded scores.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command("compact")(compact_command)
    app.add_typer(group, name="scores")
