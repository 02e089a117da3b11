"""`clickward serve`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from clickward.cli.options import on_project
from clickward.warehouse.profile import Project


class RoleName(StrEnum):
    """The two roles, named here so that help needs no import."""

    READER = "reader"
    ENGINEER = "engineer"


def register(app: typer.Typer) -> None:
    app.command("serve")(on_project(serve))


def serve(
    project: Project,
    role: Annotated[
        RoleName,
        typer.Option("--role", help="reader: published marts only. engineer: everything."),
    ] = RoleName.READER,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port; 0 takes a free one.")] = 8123,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", help="TLS certificate, PEM.")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", help="Its private key, PEM.")] = None,
    max_memory: Annotated[
        str | None,
        typer.Option(
            "--max-memory", help="What one query may take: bytes, or 4GB; by default the profile's."
        ),
    ] = None,
    max_seconds: Annotated[
        int, typer.Option("--max-seconds", help="Seconds one query may take.", min=1)
    ] = 3600,
    max_queries: Annotated[
        int, typer.Option("--max-queries", help="Queries at once; more are refused.", min=1)
    ] = 50,
    exposed: Annotated[
        bool,
        typer.Option(
            "--exposed", help="Listen beyond this machine without a password or without TLS."
        ),
    ] = False,
    unfenced: Annotated[
        bool,
        typer.Option("--unfenced", help="Serve readers where the kernel cannot fence them in."),
    ] = False,
) -> None:
    """Serve the embedded store to ClickHouse clients, over ClickHouse's HTTP protocol.

    A reader door serves what `clickward publish` copied, and takes up a new publication by
    itself. An engineer door holds the store; while it serves, use `--target server`.

    Examples:

      clickward serve

      clickward serve --role engineer --port 8124

      clickward serve --host 0.0.0.0 --certificate door.pem --key door.key
    """
    from clickward.server.roles import Limits, Role
    from clickward.server.serve import Listening, serve
    from clickward.warehouse.profile import in_bytes, read_target

    memory = in_bytes(max_memory or read_target(project).settings["max_memory_usage"])
    serve(
        project,
        Role(role.value),
        Listening(host, port, certificate, key, exposed, unfenced),
        Limits(memory, max_seconds, max_queries),
    )
