"""`clickward sql`."""

import sys
from typing import Annotated

import typer

from clickward.cli.options import on_project
from clickward.warehouse.errors import UsageError
from clickward.warehouse.profile import Project


def _plain_name(value: str | None) -> str | None:
    if value is not None and not (value.isascii() and value.isalnum()):
        raise typer.BadParameter(f"{value!a} is no name of a format")
    return value


def register(app: typer.Typer) -> None:
    app.command("sql")(on_project(sql))


def sql(
    project: Project,
    query: Annotated[str, typer.Argument(help="A query, or - to read it from standard input.")],
    output_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            callback=_plain_name,
            help="Any output format of ClickHouse, such as CSVWithNames or JSONEachRow.",
        ),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Let the statement change the store, or write files.")
    ] = False,
) -> None:
    """Run one statement on the store and print its result.

    It only reads (SELECT, WITH, SHOW, DESCRIBE, EXPLAIN, EXISTS, CHECK), unless you say --write.
    On a terminal the result is a table, in a pipe tab-separated with names.

    Examples:

      clickward sql "select publisher, clicks from clickward_marts.mart_publisher_daily"

      clickward sql "select * from clickward_core.installs limit 5" --format JSONEachRow

      clickward sql - --format Parquet < query.sql > result.parquet

      clickward sql --write "optimize table clickward_core.installs final"
    """
    from clickward.server.console import run
    from clickward.warehouse.connection import connection, engine_errors

    text = sys.stdin.read() if query == "-" else query
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError("the query is not UTF-8", "give its text in UTF-8") from error
    chosen = output_format or (
        "PrettyCompactMonoBlock" if sys.stdout.isatty() else "TabSeparatedWithNames"
    )
    with connection(project) as warehouse, engine_errors():
        stream = run(warehouse, text, chosen, write)
        while chunk := stream.read(1 << 20):
            sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()
