"""`clickward load`: files into raw tables."""

from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clickward.cli.options import Json, finite, on_project
from clickward.cli.output import Progress, escaped, print_json, print_table, say
from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import Project

if TYPE_CHECKING:
    from clickward.warehouse.loading.load import Loader, Result
    from clickward.warehouse.sources import Report

COLUMNS = ("file", "report", "status", "rows_read", "loaded", "rejected_at_load", "note")

# More files than this are summed up by report; --json and `clickward loads` name each.
SHOWN_FILES = 20
SUMMARY = ("report", "status", "files", "rows_read", "loaded", "rejected_at_load")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("load")(on_project(load))


def load(
    project: Project,
    source: Annotated[str, typer.Argument(help="Such as talkingdata, appsflyer or truth.")],
    paths: Annotated[list[str], typer.Argument(help="Files, folders or quoted patterns.")],
    report: Annotated[
        str | None,
        typer.Option("--report", help="Kind of report: where no name tells it, and no other one."),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option("--timezone", help="IANA time zone of the times, where no name tells it."),
    ] = None,
    max_rejected: Annotated[
        float,
        typer.Option(
            "--max-rejected",
            min=0,
            max=1,
            callback=finite,
            help="Share of bad rows above which a file is refused.",
        ),
    ] = 0.1,
    as_json: Json = False,
) -> None:
    """Load files of SOURCE into raw tables, each file once, as a whole or not at all.

    \b
    clickward load talkingdata train.csv
    clickward load appsflyer data-locker/
    clickward load appsflyer export/installs_2026-01.csv --timezone Europe/Berlin
    clickward load truth world/truth.parquet

    A folder t=… tells the report, else the file's name, else a folder of a report's name; reports
    that are not loaded are left out, and said. A time zone that ends the name is used. CSV (plain,
    gzip, zstd) and Parquet are told apart by content. Rows that cannot be loaded are kept in
    rejected_lines with the reason; a file with more than --max-rejected of them is refused. A file
    already loaded is skipped, whatever its name. Safe to interrupt and to repeat.

    Exit codes: 0 every file is loaded, was, or is left out; 1 a file failed, the others are loaded.
    """
    from clickward.warehouse.connection import connection
    from clickward.warehouse.loading.load import Loader, choose_reports
    from clickward.warehouse.sources import reports

    chosen = choose_reports(reports(project, source), report)
    with connection(project) as warehouse:
        loader = Loader(warehouse, timezone, max_rejected)
        removed = loader.prepare()
        if removed:
            say(f"removed what {removed} unfinished load(s) had left")
        results, failures = _load_all(loader, chosen, paths)
    rows = [result.as_dict() for result in results]
    if as_json:
        print_json(rows)
    elif len(rows) > SHOWN_FILES:
        print_table(SUMMARY, summary(rows))
        for line in ignored(results):
            say(escaped(line))
    else:
        print_table(COLUMNS, [[row[column] for column in COLUMNS] for row in rows])
    for hint, alike in groupby(failures, key=lambda failure: failure.hint):
        for failure in alike:
            say(f"error: {escaped(failure.message)}")
        if hint:
            say(f"hint: {escaped(hint)}")
    if failures:
        raise typer.Exit(1)


def summary(rows: list[dict[str, Any]]) -> list[list[Any]]:
    """Files and rows by report and status, in the order they came."""
    sums: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        counts = sums.setdefault((row["report"], row["status"]), [0, 0, 0, 0])
        counts[0] += 1
        for place, column in enumerate(SUMMARY[3:], 1):
            counts[place] += row[column] or 0
    return [[*key, *counts] for key, counts in sums.items()]


def ignored(results: "list[Result]") -> list[str]:
    """A line for each set of columns that files have and raw does not know."""
    counts = Counter(tuple(sorted(set(r.ignored))) for r in results if r.ignored)
    return [
        f"{count:,} {'file' if count == 1 else 'files'}: ignored columns: {', '.join(columns)}"
        for columns, count in counts.items()
    ]


def _load_all(
    loader: "Loader", chosen: list["Report"], paths: list[str]
) -> tuple[list["Result"], list[UserError]]:
    """Load every file; one that fails, in whatever way, does not keep the others out."""
    from clickward.warehouse.failures import unexpected
    from clickward.warehouse.loading.files import LeftOut, Missing, expand
    from clickward.warehouse.loading.load import Result
    from clickward.warehouse.loading.plan import Plan

    results: list[Result] = []
    failures: list[UserError] = []
    plan = Plan.of(loader.warehouse.project, chosen)
    for item in expand(paths):
        if isinstance(item, LeftOut):
            say(escaped(str(item)))
            continue
        name = str(item.path)
        told = chosen[0].name if len(chosen) == 1 else ""
        try:
            if isinstance(item, Missing):
                raise item.error
            report = plan.report_of(item)
            if report is None:
                continue
            told = report.name
            results.append(_load_one(loader, item.path, report))
            continue
        except UserError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 (whatever a file does is that file's line)
            failure = unexpected(loader.warehouse.project, name, error)
        failures.append(failure)
        note = failure.message.removeprefix(f"{name}: ")
        results.append(Result(name, chosen[0].source, told, "failed", note=note))
    for line in plan.left_out():
        say(escaped(line))
    return results, failures


def _load_one(loader: "Loader", path: Path, report: "Report") -> "Result":
    with Progress(escaped(path.name), path.stat().st_size, "bytes") as progress:
        result = loader.load(path, report, progress)
    if result.first_rejected is not None:
        say(
            f"{escaped(str(path))}: {result.rejected_at_load:,} of {result.rows_read:,} rows"
            f" rejected; the first is {result.first_rejected}"
        )
    return result
