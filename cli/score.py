"""`clickward score`: score a feature set and build what reads the scores."""

from typing import Annotated

import typer

from clickward.cli.options import Json, Threads, on_project
from clickward.cli.output import Progress, print_json, say
from clickward.warehouse.profile import Project


@on_project
def score(
    project: Project,
    feature_set: Annotated[str, typer.Argument(help="Feature set, such as fs_install.")],
    from_: Annotated[
        str | None, typer.Option("--from", help="First instant, included (UTC).")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="Last instant, excluded (UTC).")] = None,
    model_version: Annotated[
        str | None,
        typer.Option("--model-version", help="Default: the champion, else the latest trained."),
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(
            "--threshold",
            help="Flag at this one of `thresholds list`; default: the "
            "operating one, which is balanced until another is chosen.",
        ),
    ] = None,
    batch_rows: Annotated[
        int, typer.Option("--batch-rows", min=1, help="Rows in memory and in one insert.")
    ] = 50_000,
    only_changed: Annotated[
        bool,
        typer.Option(
            "--only-changed",
            help="Only subjects that are new, or whose features late rows have changed.",
        ),
    ] = False,
    production: Annotated[
        bool,
        typer.Option(
            "--production",
            help="Let the run of a challenger or a retired version count as the champion's.",
        ),
    ] = False,
    show: Annotated[
        int, typer.Option("--show", min=0, help="Tell of so many of the highest scores, and why.")
    ] = 0,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Score subjects with reasons, then build the marts that read scores.

    Rows count once the run is committed, at the end: a run that was killed leaves nothing, and
    running it again is safe. Only models of is_fraud flag. A challenger (`models promote --as
    challenger`) scores beside the champion. The run of a challenger or of a retired version is a
    shadow run: its scores stand in fct_scored_installs_by_version and flag nobody, unless
    --production lets them count until roles are decided again. Superseded scores stay readable in
    scores_committed until `clickward scores compact`.

    \b
    Examples:
      clickward score fs_install --show 5
      clickward score fs_install --only-changed
      clickward score fs_install --from 2026-02-01 --model-version xgboost-fs_install-1a2b3c4d
      clickward score fs_install --model-version xgboost-fs_install-1a2b3c4d --production
    """
    from clickward.models_ml.estimators.threads import on_threads
    from clickward.models_ml.scoring.run import build_readers, highest
    from clickward.models_ml.scoring.run import score as run_scoring
    from clickward.warehouse.connection import connection
    from clickward.warehouse.contracts import read_feature_set
    from clickward.warehouse.durations import parse_bound

    resolved = read_feature_set(project, feature_set)
    with on_threads(threads), connection(project) as warehouse, Progress("scored") as progress:
        run = run_scoring(
            warehouse,
            resolved,
            from_at=parse_bound(from_),
            to_at=parse_bound(to),
            version=model_version,
            threshold=threshold,
            batch_rows=batch_rows,
            only_changed=only_changed,
            production=production,
            advance=progress.advance,
        )
        shown = highest(warehouse, resolved, run.run_id, show)
    is_built = build_readers(project)
    if as_json:
        print_json(
            {
                "run_id": run.run_id,
                "kind": run.kind,
                "model_version": run.model_version,
                "rows": run.rows,
                "flagged": run.flagged,
                "from": run.span.from_at.isoformat(),
                "to": run.span.to_at.isoformat(),
                "failure": run.failure,
                "marts_built": is_built,
                "highest": shown,
                "challenger": None
                if run.challenger is None
                else {
                    "run_id": run.challenger.run_id,
                    "kind": run.challenger.kind,
                    "model_version": run.challenger.model_version,
                    "flagged": run.challenger.flagged,
                    "failure": run.challenger.failure,
                },
            }
        )
        return
    flagged = "" if run.flagged is None else f", {run.flagged:,} flagged"
    if run.flagged is not None and run.kind == "shadow":
        flagged = f", {run.flagged:,} at or above the threshold in a shadow run: none is flagged"
    say(f"{run.rows:,} subjects scored{flagged}")
    for row in shown:
        told = "" if row["is_flagged"] is None else ", flagged" if row["is_flagged"] else ", not"
        say(f"{row['subject_id']} at {row['subject_at']}: {row['score']:.4f}{told}")
        for reason in row["reasons"]:
            say(f"  - {reason}")
    print(run.run_id)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("score")(score)
