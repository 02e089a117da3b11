"""`clickward simulate`."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.options import Json


def register(app: typer.Typer) -> None:
    app.command("simulate")(simulate)


def simulate(
    out: Annotated[Path, typer.Option("--out", help="Folder to make; it must not hold anything.")],
    days: Annotated[int, typer.Option("--days", help="Days of traffic.")] = 14,
    clicks: Annotated[int, typer.Option("--clicks", help="Clicks in all.")] = 200_000,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same world.")] = 7,
    start: Annotated[
        datetime, typer.Option("--start", formats=["%Y-%m-%d"], help="First day, UTC.")
    ] = datetime(2026, 1, 1),
    as_json: Json = False,
) -> None:
    """Write a simulated world of clicks, installs, events and verdicts, with three attacks.

    The reports are AppsFlyer's, as Parquet in the Data Locker's layout; who really was a
    fraud stands apart in truth.parquet.

    Examples:

      clickward simulate --out world

      clickward simulate --out world --days 30 --clicks 1000000 --seed 3
    """
    from dataclasses import asdict

    from cli.output import print_json, print_table, say
    from simulator import simulate as run

    progress = say if sys.stderr.isatty() else None
    summary = run(out, days, clicks, seed, start.date(), progress=progress)
    if as_json:
        print_json(asdict(summary))
        return
    print_table(["report", "rows"], summary.rows.items())
    print_table(
        ["installs", "how many"],
        [
            ["all", summary.installs],
            ["organic", summary.organic_installs],
            *([f"fraud: {attack}", count] for attack, count in summary.fraudulent.items()),
        ],
    )
    say(f"next: clickward load appsflyer {out} && clickward load truth {out / 'truth.parquet'}")
