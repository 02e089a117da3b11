"""`clickward train`: fit one model family on a feature set."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from clickward.cli.options import Device, Json, Seed, Threads, on_project
from clickward.cli.output import Progress, print_json, say
from clickward.warehouse.errors import UsageError
from clickward.warehouse.profile import Project


@on_project
def train(
    project: Project,
    feature_set: Annotated[str, typer.Argument(help="Feature set, such as fs_install.")],
    model: Annotated[
        str, typer.Option("--model", "-m", help="xgboost, logistic_regression, isolation_forest.")
    ],
    from_: Annotated[
        str | None, typer.Option("--from", help="First instant, included (UTC).")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="Last instant, excluded (UTC).")] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of", help="Take the labels known at this instant; default --to plus --delay."
        ),
    ] = None,
    delay: Annotated[
        str, typer.Option("--delay", help="Leave out subjects whose labels are younger: 3d.")
    ] = "0h",
    seed: Seed = 0,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", help="Hyper-parameter: name=value."),
    ] = None,
    params: Annotated[
        Path | None, typer.Option("--params", help="JSON file of hyper-parameters.")
    ] = None,
    study: Annotated[
        str | None, typer.Option("--study", help="Take the best hyper-parameters of this study.")
    ] = None,
    calibrate: Annotated[
        str,
        typer.Option("--calibrate", help="Scores to probabilities: auto, none, sigmoid, isotonic."),
    ] = "auto",
    device: Device = "cpu",
    threads: Threads = None,
    dask: Annotated[
        str | None,
        typer.Option("--dask", help="Scheduler whose workers train together: tcp://10.0.0.5:8786."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a model, set its thresholds on later data, and register it.

    Thresholds: fpr_0.1pct and fpr_0.5pct allow that share of negatives; balanced weighs recall
    against the share flagged and bears frauds that no verdict found. They come from a twin fitted
    on the first 80 % of the time span and hold on the last 20 %; the model itself is fitted on
    everything. A model that gives all of the holdout one score has failed and is not registered.
    The same holdout maps the scores of families that give no probabilities to some;
    an unsupervised family's only where --calibrate names a method, since that takes labels.

    Where training data do not fit in memory, xgboost learns from batches of the snapshot by
    itself. --device cuda and --dask (extra dask) are for xgboost too; each makes a version of its
    own, since sums differ in their last bits. Workers on Dask read the snapshot's row groups from
    a disk that all see, or pull their own days from a server.

    \b
    Examples:
      clickward train fs_install --model xgboost --delay 3d
      clickward train fs_click --model xgboost --to 2017-11-09 --param max_depth=7
      clickward train fs_install --model xgboost --study xgboost-fs_install-1a2b3c4d
      clickward train fs_click --model xgboost --device cuda
      clickward train fs_click --model xgboost --dask tcp://10.0.0.5:8786
    """
    from clickward.models_ml.estimators.threads import on_threads
    from clickward.models_ml.training.learners import Means
    from clickward.models_ml.training.run import train as run_training
    from clickward.models_ml.tuning.studies import best_parameters
    from clickward.warehouse.connection import connection
    from clickward.warehouse.contracts import read_feature_set
    from clickward.warehouse.durations import parse_bound, parse_duration

    parameters: dict[str, Any] = {}
    if study is not None:
        parameters |= best_parameters(project.home, study, model)
    if params is not None:
        parameters |= read_parameters(params)
    parameters |= parse_parameters(param or [])
    resolved = read_feature_set(project, feature_set)
    with (
        failure_told(as_json),
        on_threads(threads),
        connection(project) as warehouse,
        Progress("pulled") as progress,
    ):
        trained = run_training(
            warehouse,
            resolved,
            model,
            from_at=parse_bound(from_),
            to_at=parse_bound(to),
            as_of=parse_bound(as_of),
            delay=parse_duration(delay),
            seed=seed,
            parameters=parameters,
            calibrate=calibrate,
            means=Means(device, dask),
            advance=progress.advance,
        )
    if as_json:
        facts = {"is_new": trained.is_new, "thresholds": trained.thresholds, "failure": None}
        print_json(trained.row | facts)
        return
    for name, value in trained.thresholds.items():
        say(f"threshold {name}: {value:.6g}")
    print(trained.model_version)


@contextmanager
def failure_told(as_json: bool) -> Iterator[None]:
    """Give the failure of a model as JSON too, where that is asked for, before the error."""
    from clickward.models_ml.training.run import ModelFailure

    try:
        yield
    except ModelFailure as error:
        if as_json:
            print_json({"model_version": None, "is_new": False, "failure": error.message})
        raise


def parse_parameters(pairs: list[str]) -> dict[str, Any]:
    """`max_depth=7` as a number, `class_weight=balanced` as text, `x=null` as None."""
    parameters: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--param {pair!r} is not name=value", "write --param max_depth=7")
        try:
            parameters[name] = json.loads(text)
        except json.JSONDecodeError:
            parameters[name] = text
    return parameters


def read_parameters(path: Path) -> dict[str, Any]:
    """Hyper-parameters of a JSON file. Raises `UsageError` where it holds anything else."""
    try:
        found = json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise UsageError(f"--params {path}: {error}", "write it as JSON: one object") from error
    if not isinstance(found, dict):
        raise UsageError(f"--params {path} is not an object", 'write it as {"max_depth": 7}')
    return found


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("train")(train)
