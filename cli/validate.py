"""`clickward validate`: compare model families on prequential folds."""

from typing import TYPE_CHECKING, Annotated

import typer

from clickward.cli.options import Device, Json, Seed, Threads, finite, on_project
from clickward.cli.output import Progress, print_json, print_table
from clickward.cli.parts import Parts
from clickward.warehouse.profile import Project

if TYPE_CHECKING:
    from clickward.models_ml.evaluation.measurement import Measurement
    from clickward.models_ml.validation import Evaluation

SHOWN = {
    "average_precision": "average precision",
    "roc_auc": "ROC AUC",
    "recall_at_fpr_0.1pct": "recall 0.1 %",
    "recall_at_fpr_0.5pct": "recall 0.5 %",
    "fpr_reached_fpr_0.5pct": "FPR reached 0.5 %",
    "recall_at_balanced": "recall balanced",
    "fpr_reached_balanced": "FPR reached balanced",
}
PROTOCOL = "Protocol"


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
    train_labels: Annotated[
        str,
        typer.Option(
            "--train-labels",
            help="known: verdicts known when the test window opens; matured: all of them.",
            rich_help_panel=PROTOCOL,
        ),
    ] = "known",
    drop_known_bad: Annotated[
        bool,
        typer.Option(
            "--drop-known-bad",
            help="Leave sub-publishers and devices known to be bad out of the test.",
            rich_help_panel=PROTOCOL,
        ),
    ] = False,
    without_rule_features: Annotated[
        bool,
        typer.Option(
            "--without-rule-features",
            help="Also without the features that encode a labelling rule.",
            rich_help_panel=PROTOCOL,
        ),
    ] = False,
    leave_one_attack_out: Annotated[
        bool,
        typer.Option(
            "--leave-one-attack-out",
            help="Also with each attack held out of training: recall, days to detect.",
            rich_help_panel=PROTOCOL,
        ),
    ] = False,
    top: Annotated[int, typer.Option("--top", min=1, help="k of precision at k per day: 10.")] = 10,
    payout: Annotated[
        float,
        typer.Option(
            "--payout", min=0, callback=finite, help="Of an install that tells none: 1.0."
        ),
    ] = 1.0,
    dispute_cost: Annotated[
        float,
        typer.Option("--dispute-cost", min=0, callback=finite, help="Of a false positive: 0.4."),
    ] = 0.4,
    review_cost: Annotated[
        float, typer.Option("--review-cost", min=0, callback=finite, help="Of every flag: 0.15.")
    ] = 0.15,
    seed: Seed = 0,
    resamples: Annotated[
        int, typer.Option("--resamples", min=2, help="Bootstrap resamples of each interval.")
    ] = 200,
    device: Device = "cpu",
    threads: Threads = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Forget what a killed run had finished.")
    ] = False,
    allow_leaks: Annotated[
        bool, typer.Option("--allow-leaks", help="Show results though features leak.")
    ] = False,
    folds: Annotated[
        bool, typer.Option("--folds", help="Show each fold, not only all together.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare models in time order: train, wait for labels, test on what came next.

    Folds start at the first event. Training takes the labels known when the test window opens;
    thresholds were set on an earlier fold. Results are given on labels as known at the end of
    the test window, on matured labels, and on the truth of a simulated world, with 95 %
    intervals by bootstrap of blocks of day and publisher; fold -1 is all folds together. Features
    are first checked for leaks, which end the run with exit code 1.

    A run that was killed goes on where it was when the same command is given again. Costs come
    from the table app_economics where one is loaded; the options are for what it does not hold.
    `clickward compare` shows the latest results again.

    \b
    Examples:
      clickward validate fs_install --models all --train 14d --delay 3d --test 7d --step 7d
      clickward validate fs_install --models xgboost,isolation_forest --leave-one-attack-out
      clickward validate fs_install --models xgboost --without-rule-features --drop-known-bad
      clickward validate fs_click --models xgboost --train 54h --delay 0h --test 18h --json
      clickward validate fs_click --models xgboost --delay 0h --train-labels matured
      clickward validate fs_click --models xgboost --device cuda
    """
    from clickward.models_ml.estimators.threads import on_threads
    from clickward.models_ml.evaluation.economics import Costs
    from clickward.models_ml.validation import Protocol, Windows
    from clickward.models_ml.validation import validate as run_validation
    from clickward.warehouse.connection import connection
    from clickward.warehouse.contracts import read_feature_set
    from clickward.warehouse.durations import parse_bound, parse_duration

    windows = Windows(
        *(None if text is None else parse_duration(text) for text in (train, delay, test, step))
    )
    protocol = Protocol(
        train_labels=train_labels,
        drop_known_bad=drop_known_bad,
        without_rule_features=without_rule_features,
        leave_one_attack_out=leave_one_attack_out,
        top=top,
        costs=Costs(payout, dispute_cost, review_cost),
        resamples=resamples,
        seed=seed,
        device=device,
    )
    resolved = read_feature_set(project, feature_set)
    with (
        on_threads(threads),
        connection(project) as warehouse,
        Progress("pulled") as progress,
        Parts() as parts,
    ):
        evaluations = run_validation(
            warehouse,
            resolved,
            models,
            windows,
            from_at=parse_bound(from_),
            to_at=parse_bound(to),
            protocol=protocol,
            restart=restart,
            allow_leaks=allow_leaks,
            advance=progress.advance,
            tell=parts.tell,
        )
    if as_json:
        print_json([row for evaluation in evaluations for row in evaluation.rows()])
    else:
        print_evaluations(evaluations, folds)
    refuse_unmeasured(evaluations)


def refuse_unmeasured(evaluations: "list[Evaluation]") -> None:
    """Raises `UserError` where a model, baselines aside, was measured on no fold.

    All else is kept and printed.
    """
    from clickward.models_ml.evaluation.measurement import OVERALL
    from clickward.models_ml.validation.protocol import BASELINES
    from clickward.warehouse.errors import UserError

    measured: dict[str, bool] = {}
    why: dict[str, str | None] = {}
    for one in evaluations:
        if one.fold != OVERALL and one.model not in BASELINES:
            values = any(m.metric == SHOWN_ALWAYS and m.value is not None for m in one.measurements)
            measured[one.model] = measured.get(one.model, False) or values or one.failure is None
            why[one.model] = one.failure
    for model, found in measured.items():
        if not found:
            raise UserError(
                f"{model} was measured on no fold: {why[model]}",
                "choose a longer --train, or another --from and --to; the others are kept",
            )


def print_evaluations(evaluations: "list[Evaluation]", folds: bool) -> None:
    """One line per model and segment over all folds, and with `folds` also for each of them."""
    rows = []
    ranked = [e for e in evaluations if any(m.metric == SHOWN_ALWAYS for m in e.measurements)]
    pooled = {(e.model, e.variant) for e in ranked if e.fold < 0}
    for evaluation in ranked:
        which = evaluation.model, evaluation.variant
        if evaluation.fold >= 0 and which in pooled and not folds:
            continue
        segments: dict[str, dict[str, Measurement]] = {}
        for found in evaluation.measurements:
            segments.setdefault(found.segment, {})[found.metric] = found
        fold = "all" if evaluation.fold < 0 else str(evaluation.fold)
        for name, metrics in segments.items():
            positives = metrics.get("positives")
            if positives is None:
                continue
            count = None if positives.value is None else round(positives.value)
            cells = [_cell(metrics.get(metric)) for metric in SHOWN]
            labels = "" if evaluation.variant.train_labels == "known" else " (matured labels)"
            variant = f"{evaluation.variant.name}{labels}"
            rows.append([evaluation.model, variant, fold, name, positives.n, count, *cells])
    columns = ["model", "variant", "fold", "segment", "n", "positives", *SHOWN.values()]
    if all(row[1] == "as_is" for row in rows):
        columns.remove("variant")
        rows = [[row[0], *row[2:]] for row in rows]
    print_table(columns, rows)


SHOWN_ALWAYS = "average_precision"


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
