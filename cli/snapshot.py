"""`clickward snapshot`: pull a feature set into one immutable file."""

from pathlib import Path
from typing import Annotated

import typer

from clickward.cli.options import Json, on_project
from clickward.cli.output import Progress, print_json, say
from clickward.warehouse.profile import Project


@on_project
def snapshot(
    project: Project,
    feature_set: Annotated[str, typer.Argument(help="Feature set, such as fs_install.")],
    out: Annotated[Path, typer.Option("--out", help="Parquet file to write.", dir_okay=False)],
    from_: Annotated[
        str | None, typer.Option("--from", help="First instant, included (UTC).")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="Last instant, excluded (UTC).")] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Take the labels known at this instant (UTC).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Pull a feature set into a Parquet file with a manifest beside it.

    The id is made of the content and the query: the same data give the same id.

    \b
    Examples:
      clickward snapshot fs_click --out clicks.parquet
      clickward snapshot fs_install --from 2026-01-01 --to 2026-02-01 \\
          --as-of 2026-02-04 --out january.parquet
    """
    from clickward.models_ml.dataset.snapshot import pull_snapshot
    from clickward.warehouse.connection import connection
    from clickward.warehouse.contracts import read_feature_set
    from clickward.warehouse.durations import parse_bound

    resolved = read_feature_set(project, feature_set)
    with connection(project) as warehouse, Progress("pulled") as progress:
        pulled = pull_snapshot(
            warehouse,
            resolved,
            from_at=parse_bound(from_),
            to_at=parse_bound(to),
            as_of=parse_bound(as_of),
            out=out.absolute(),
            advance=progress.advance,
        )
    manifest = pulled.manifest
    if as_json:
        print_json({"path": str(pulled.path), "is_new": pulled.is_new, **manifest})
        return
    say(f"{manifest['rows']:,} rows of {feature_set}, {manifest['positives']:,} positives")
    if not pulled.is_new:
        say("the snapshot was already registered: same data, same id")
    print(pulled.snapshot_id)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("snapshot")(snapshot)
