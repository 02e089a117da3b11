"""`clickward simulate`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from clickward.cli.options import Json


def register(app: typer.Typer) -> None:
    app.command("simulate")(simulate)


def simulate(
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to make; it must not hold anything.")
    ] = None,
    scenario: Annotated[
        str,
        typer.Option("--scenario", "-s", help="A built-in scenario's name, or a file of your own."),
    ] = "demo",
    days: Annotated[
        int | None,
        typer.Option(
            "--days", min=1, max=36500, help="Days of traffic; by default the scenario's."
        ),
    ] = None,
    clicks: Annotated[
        int | None, typer.Option("--clicks", help="Clicks in all; by default the scenario's.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="The same seed gives the same bytes.")
    ] = None,
    start: Annotated[
        datetime | None, typer.Option("--start", formats=["%Y-%m-%d"], help="First day, UTC.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", min=1, help="Processes; by default the cores, for a large world."
        ),
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="List the built-in scenarios and write nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a simulated world of clicks, installs, events and verdicts that fights back.

    The reports are AppsFlyer's, as Parquet in the Data Locker's layout; who really was a
    fraud stands apart in truth.parquet. The scenario `talkingdata` writes clicks in that
    contest's format instead.

    Examples:

      clickward simulate --list

      clickward simulate --out world

      clickward simulate --scenario evolving --days 60 --clicks 5000000 --seed 7 --out world

      clickward simulate --scenario mine.yaml --out world
    """
    from dataclasses import asdict

    from clickward.cli.output import Progress, print_json, print_table, say
    from clickward.simulator import load_scenario
    from clickward.simulator import simulate as run
    from clickward.warehouse.errors import UsageError

    if list_:
        _list(as_json)
        return
    if out is None:
        raise UsageError("no folder to write to", "name it with --out, or see --list")
    changes = {
        name: value
        for name, value in (
            ("days", days),
            ("clicks", clicks),
            ("seed", seed),
            ("start", start.date() if start else None),
        )
        if value is not None
    }
    world = load_scenario(scenario, **changes)
    with Progress("simulating", world.clicks, "clicks") as progress:
        summary = run(world, out, progress=progress.advance, workers=workers)
    if as_json:
        print_json(asdict(summary))
        return
    print_table(["report", "rows"], summary.rows.items())
    if not summary.installs:
        say(f"next: clickward load talkingdata {out}")
        return
    print_table(
        ["installs", "how many"],
        [
            ["all", summary.installs],
            ["organic", summary.organic_installs],
            ["blocked", summary.blocked_installs],
            *([f"fraud: {attack}", count] for attack, count in summary.fraudulent.items()),
        ],
    )
    say(f"next: clickward load appsflyer {out} && clickward load truth {out / 'truth.parquet'}")


def _list(as_json: bool) -> None:
    from clickward.cli.output import print_json, print_table
    from clickward.simulator import built_in, load_scenario

    scenarios = [load_scenario(name) for name in built_in()]
    if as_json:
        print_json([one.model_dump(mode="json") for one in scenarios])
        return
    print_table(
        ["scenario", "days", "clicks", "what it is"],
        [[one.name, one.days, one.clicks, one.description] for one in scenarios],
    )
