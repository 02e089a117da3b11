"""`clickward validate`: compare model families on prequential folds."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import Json, on_project
from cli.output import Progress, print_json, print_table, say
from warehouse.profile import Project

if TYPE_CHECKING:
    from models_ml.evaluation import Measurement
    from models_ml.validation import Evaluation

SHOWN = {
    "average_precision": "average precision",
    "roc_auc": "ROC AUC",
    "recall_at_fpr_0.1pct": "recall 0.1 %",
    "recall_at_fpr_0.5pct": "recall 0.5 %",
    "fpr_reached_fpr_0.5pct": "FPR reached 0.5 %",
    "recall_at_balanced": "recall balanced",
    "fpr_reached_balanced": "FPR reached balanced",
}


@on_project
def validate(
    project: Project,
    feature_set: Annotated[str, typer.Argument(help="Feature set, such as fs_install.")],
    models: Annotated[
        str, typer.Option("--models", "-m", help="Families with commas between, or all.")
    ] = "all",
    train: Annotated[str | None, typer.Option("--train", help="Training window: 7d, 54h.")] = None,
    delay: Annotated[
        str | None, typer.Option("--delay", help="Gap in which labels arrive: 3d.")
    ] = None,
    test: Annotated[str | None, typer.Option("--test", help="Test window: 1d.")] = None,
    step: Annotated[
        str | None, typer.Option("--step", help="From one fold to the next; default --test.")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="First instant, included (UTC).")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="Last instant, excluded (UTC).")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of everything random.")] = 0,
    resamples: Annotated[
        int, typer.Option("--resamples", min=2, help="Bootstrap resamples of each interval.")
    ] = 200,
    folds: Annotated[
        bool, typer.Option("--folds", help="Show each fold, not only all together.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare models in time order: train, wait for labels, test on what came next.

    Folds start at the first event. Training takes the labels known when the test window opens;
    thresholds were set on an earlier fold. Results are given on labels as known at the end of
    the test window, on matured labels, and on the truth of a simulated world, with bootstrap
    95 % intervals; fold -1 is all folds together.

    \b
    Examples:
      clickward validate fs_install --models all --train 7d --delay 3d --test 1d --step 1d
      clickward validate fs_click --models xgboost --train 54h --delay 0h --test 18h --json
    """
    from models_ml.durations import parse_bound, parse_duration
    from models_ml.validation import Windows
    from models_ml.validation import validate as run_validation
    from warehouse.connection import connection
    from warehouse.contracts import read_feature_set

    windows = Windows(
        *(None if text is None else parse_duration(text) for text in (train, delay, test, step))
    )
    resolved = read_feature_set(project, feature_set)
    with connection(project) as warehouse, Progress("pulled") as progress:
        evaluations = run_validation(
            warehouse,
            resolved,
            models,
            windows,
            from_at=parse_bound(from_),
            to_at=parse_bound(to),
            seed=seed,
            resamples=resamples,
            say=say,
            advance=progress.advance,
        )
    if as_json:
        print_json([row for evaluation in evaluations for row in evaluation.rows()])
    else:
        print_evaluations(evaluations, folds)


def print_evaluations(evaluations: "list[Evaluation]", folds: bool) -> None:
    """One line per model and segment over all folds, and with `folds` also for each of them."""
    rows = []
    pooled = {evaluation.model for evaluation in evaluations if evaluation.fold < 0}
    for evaluation in evaluations:
        if evaluation.fold >= 0 and evaluation.model in pooled and not folds:
            continue
        segments: dict[str, dict[str, Measurement]] = {}
        for found in evaluation.measurements:
            segments.setdefault(found.segment, {})[found.metric] = found
        fold = "all" if evaluation.fold < 0 else str(evaluation.fold)
        for name, metrics in segments.items():
            positives = metrics["positives"]
            count = None if positives.value is None else round(positives.value)
            cells = [_cell(metrics.get(metric)) for metric in SHOWN]
            rows.append([evaluation.model, fold, name, positives.n, count, *cells])
    print_table(["model", "fold", "segment", "n", "positives", *SHOWN.values()], rows)


def _cell(found: "Measurement | None") -> str:
    if found is None:
        return ""
    if found.value is None:
        return "undefined"
    if found.low is None or found.high is None:
        return f"{found.value:.4f} [too few]"
    return f"{found.value:.4f} [{found.low:.4f}, {found.high:.4f}]"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("validate")(validate)
