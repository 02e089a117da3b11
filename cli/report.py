"""`clickward report`: the explorer as one HTML file."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from clickward.cli.options import Json, on_project
from clickward.cli.output import print_json, say
from clickward.warehouse.profile import Project


@on_project
def report(
    project: Project,
    out: Annotated[Path, typer.Option("--out", help="The file to write, ending in .html.")] = Path(
        "report.html"
    ),
    feature_set: Annotated[
        str, typer.Option("--feature-set", help="Feature set whose scores are shown.")
    ] = "fs_install",
    date_from: Annotated[
        str | None, typer.Option("--from", help="First day, included; default: the first scored.")
    ] = None,
    date_to: Annotated[
        str | None, typer.Option("--to", help="Day at which it ends, excluded.")
    ] = None,
    models: Annotated[
        str | None,
        typer.Option("--models", help="Versions, with commas; default: champion and challenger."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the explorer as one HTML file, which needs no network and opens anywhere.

    Thresholds and what they save, slices where models err with their rows frozen as evidence,
    publishers, attacks held out, calibration, drift, model against label, two models side by side.
    The file holds rows with ids: pass it on as you would the rows themselves.

    \b
    Examples:
      clickward report --out report.html
      clickward report --out january.html --from 2026-01-15 --to 2026-02-01
      clickward report --models xgboost-fs_install-1a2b3c4d,logistic_regression-fs_install-9f8e7d6c
    """
    from clickward.analysis.explorer.page import make_page
    from clickward.analysis.explorer.payload import make_payload
    from clickward.warehouse.connection import connection
    from clickward.warehouse.errors import UsageError

    if out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--out {out} is no HTML file", f"write --out {out.with_suffix('.html')}")
    versions = [one.strip() for one in models.split(",") if one.strip()] if models else None
    days = {"date_from": _day(date_from, "--from"), "date_to": _day(date_to, "--to")}
    with connection(project) as warehouse:
        made = make_payload(warehouse, feature_set=feature_set, models=versions, **days)
    say("writing the page")
    page = make_page(made.to_json(), f"clickward: {made.data['title']}", project.home / "cache")
    size = _write(out, page)
    facts = {
        "path": str(out.resolve()),
        "bytes": size,
        "from": made.data["from"],
        "to": made.data["to"],
        "models": [one["version"] for one in made.data["models"]],
        "rows": max((one["n"] for one in made.data["models"]), default=0),
        "currency": made.data["currency"],
        "payouts": made.data["money"]["priced"],
        "unconverted": made.data["money"]["unconverted"],
    }
    if as_json:
        print_json(facts)
        return
    say(f"{facts['rows']:,} scored, {facts['from']} to {facts['to']}: {size / 1e6:.1f} MB")
    if facts["unconverted"]:
        say(
            f"no rate converts {facts['unconverted']:,} of {facts['payouts']:,} payouts into"
            f" {facts['currency']}: money leaves them out (fill"
            " dbt_project/seeds/exchange_rates.csv, then run `clickward build`)"
        )
    print(facts["path"])


def _day(text: str | None, option: str) -> date | None:
    """A day. Raises `UsageError` where the text is none."""
    from clickward.warehouse.errors import UsageError

    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is no day", f"write {option} 2026-01-31") from None


def _write(out: Path, page: str) -> int:
    """The page in its place at once; its bytes. Raises `UserError` where it cannot be."""
    from clickward.warehouse.errors import UserError

    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(page, encoding="utf-8")
        unfinished.replace(out)
    except OSError as error:
        if unfinished.is_file():
            unfinished.unlink()
        raise UserError(
            f"{out} cannot be written: {error.strerror}", "name another --out"
        ) from None
    return out.stat().st_size


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("report")(report)
