"""`clickward tune` and `clickward studies`: search hyper-parameters, and look at what was found."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clickward.cli.options import Device, Json, Seed, Threads, on_project
from clickward.cli.output import Progress, print_json, print_table, say
from clickward.warehouse.profile import Project

if TYPE_CHECKING:
    from clickward.models_ml.tuning.studies import Study, Trial


@on_project
def tune(
    project: Project,
    feature_set: Annotated[str, typer.Argument(help="Feature set, such as fs_install.")],
    model: Annotated[str, typer.Option("--model", "-m", help="One family, such as xgboost.")],
    trials: Annotated[
        int, typer.Option("--trials", "-n", min=1, help="Finished trials the study is to have.")
    ] = 30,
    metric: Annotated[
        str, typer.Option("--metric", help="Maximised: average_precision or roc_auc.")
    ] = "average_precision",
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
    seed: Seed = 0,
    timeout: Annotated[
        str | None, typer.Option("--timeout", help="Begin no trial after so long: 30m.")
    ] = None,
    device: Device = "cpu",
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Search a family's hyper-parameters on the inner folds; the last fold is never looked at.

    Folds are those of `validate`. The last one's test window is not read, nor any verdict known
    after it opens, so that `validate` can still judge what was found. Trials are pruned after a
    fold where they fall below the median. The same command goes on where it was stopped or
    killed, until the study has so many finished trials; the first of them tries the defaults.

    \b
    Examples:
      clickward tune fs_install --model xgboost --trials 30 --timeout 20m
      clickward tune fs_click -m xgboost -n 20 --train 30h --delay 0h --test 12h --json
      clickward tune fs_click -m xgboost -n 20 --device cuda
    """
    from clickward.models_ml.estimators.threads import on_threads
    from clickward.models_ml.tuning.run import tune as run_tuning
    from clickward.models_ml.validation import Windows
    from clickward.warehouse.connection import connection
    from clickward.warehouse.contracts import read_feature_set
    from clickward.warehouse.durations import parse_bound, parse_duration

    windows = Windows(
        *(None if text is None else parse_duration(text) for text in (train, delay, test, step))
    )
    limit = None if timeout is None else parse_duration(timeout)
    resolved = read_feature_set(project, feature_set)
    with (
        on_threads(threads),
        connection(project) as warehouse,
        Progress("tuned", trials, "trials") as progress,
    ):

        def finished(trial: "Trial", best: "Trial | None") -> None:
            so_far = "" if best is None else f"best {best.value:.4f} (trial {best.number})"
            progress.done = trial.number
            progress.advance(1, so_far)

        tuned = run_tuning(
            warehouse,
            resolved,
            model,
            trials,
            metric,
            windows,
            from_at=parse_bound(from_),
            to_at=parse_bound(to),
            seed=seed,
            timeout=limit,
            device=device,
            finished=finished,
        )
    counted = f"{len(tuned.trials)} finished trial(s), {tuned.made} of them now"
    if len(tuned.trials) < trials:
        counted += f" of the {trials} asked for: the same command goes on"
    say(counted)
    _report(tuned.study, tuned.trials, as_json)


@on_project
def list_command(project: Project, as_json: Json = False) -> None:
    """List the studies kept in the project's home, the latest changed first.

    \b
    Example:
      clickward studies list
    """
    from clickward.models_ml.tuning.studies import best_of, read_study, study_names

    rows: list[dict[str, Any]] = []
    for name in study_names(project.home):
        study = read_study(project.home, name)
        trials = study.finished()
        best = best_of(trials)
        rows.append(
            {
                "study": name,
                "metric": study.facts.get("metric"),
                "trials": len(trials),
                "pruned": sum(trial.state == "pruned" for trial in trials),
                "default": trials[0].value if trials else None,
                "best": None if best is None else best.value,
                "windows": study.facts.get("windows"),
            }
        )
    if as_json:
        print_json(rows)
        return
    if not rows:
        say("no study is kept yet: clickward tune fs_install --model xgboost")
        return
    print_table(list(rows[0]), (list(row.values()) for row in rows))


@on_project
def show_command(
    project: Project,
    study: Annotated[str, typer.Argument(help="Study, as `studies list` gives it.")],
    params_out: Annotated[
        Path | None,
        typer.Option("--params-out", help="Write the best hyper-parameters to this JSON file."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a study: every finished trial, and how to train with the best.

    \b
    Examples:
      clickward studies show xgboost-fs_install-1a2b3c4d
      clickward studies show xgboost-fs_install-1a2b3c4d --params-out best.json
    """
    from clickward.models_ml.tuning.studies import best_of, read_study

    found = read_study(project.home, study)
    trials = found.finished()
    if params_out is not None and (best := best_of(trials)) is not None:
        params_out.write_text(json.dumps(best.parameters, indent=2) + "\n")
    _report(found, trials, as_json)


def _report(study: "Study", trials: "list[Trial]", as_json: bool) -> None:
    from clickward.models_ml.tuning.studies import best_of

    best = best_of(trials)
    if as_json:
        facts = {key: value for key, value in study.facts.items() if key != "defaults"}
        print_json(
            {"study": study.name, "path": str(study.path), **facts, "best": best and vars(best),
             "trials": [vars(trial) for trial in trials]}
        )  # fmt: skip
        return
    names = list(trials[0].parameters) if trials else []
    print_table(
        ["trial", "state", "folds", str(study.facts.get("metric")), "seconds", *names],
        (
            [str(t.number) + ("*" if t is best else ""), t.state, len(t.folds), t.value, t.seconds]
            + [t.parameters.get(name) for name in names]
            for t in trials
        ),
    )
    if best is None:
        say("no trial is complete yet")
        return
    words = " ".join(f"--param {name}={_shown(value)}" for name, value in best.parameters.items())
    say(f"best: trial {best.number}, {words}")
    feature_set, model = study.facts.get("feature_set"), study.facts.get("model")
    say(f"train with it: clickward train {feature_set} --model {model} --study {study.name}")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("tune")(tune)
    group = typer.Typer(
        help="Look at the studies that `tune` keeps.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command("list")(list_command)
    group.command("show")(show_command)
    app.add_typer(group, name="studies")
