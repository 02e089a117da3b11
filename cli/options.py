"""The options every command shares, and what they resolve to."""

import functools
import inspect
import math
import os
from collections.abc import Callable
from typing import Annotated, Any

import typer

from clickward.warehouse.private import keep_private
from clickward.warehouse.profile import Project, find_project
from clickward.warehouse.project_version import refuse_unfit

PANEL = "Where the engine is"

Target = Annotated[
    str | None,
    typer.Option(
        "--target", help="Output of the profile (local, server, cluster).", rich_help_panel=PANEL
    ),
]
ProjectDir = Annotated[
    str | None,
    typer.Option("--project-dir", help="Folder of dbt_project.yml.", rich_help_panel=PANEL),
]
ProfilesDir = Annotated[
    str | None,
    typer.Option("--profiles-dir", help="Folder of profiles.yml.", rich_help_panel=PANEL),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.", rich_help_panel=PANEL)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
Threads = Annotated[
    int | None,
    typer.Option("--threads", min=1, help="Threads of models at most; default: by their rows."),
]
Seed = Annotated[
    int, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of everything random.")
]
Device = Annotated[str, typer.Option("--device", help="Where xgboost trains: cpu, cuda, cuda:1.")]


def finite(value: float | None) -> float | None:
    """An option's number, which NaN and infinity are not: they pass every limit."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no number to reckon with")
    return value


SHARED = {"target": Target, "project_dir": ProjectDir, "profiles_dir": ProfilesDir, "debug": Debug}


def on_project(command: Callable[..., None], any_version: bool = False) -> Callable[..., None]:
    """Give a command the shared options; it receives their meaning as its first argument.

    The command is written as `def load(project: Project, paths: ...)`; on the command line it
    gets `--target`, `--project-dir`, `--profiles-dir` and `--debug` besides its own options.
    A project that this version cannot build is refused, save with `any_version`. What a command
    writes is for its owner alone.
    """
    signature = inspect.signature(command, eval_str=True)
    own = list(signature.parameters.values())[1:]
    shared = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=False if name == "debug" else None,
            annotation=annotation,
        )
        for name, annotation in SHARED.items()
    ]

    @functools.wraps(command)
    def run(**arguments: Any) -> None:
        if arguments.pop("debug"):
            os.environ["CLICKWARD_DEBUG"] = "1"
        project: Project = find_project(
            arguments.pop("project_dir"), arguments.pop("profiles_dir"), arguments.pop("target")
        )
        if not any_version:
            refuse_unfit(project)
        keep_private(project)
        command(project, **arguments)

    own = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
    run.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in (*own, *shared)}
    return run
