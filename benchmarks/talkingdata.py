"""What the models reach on TalkingData's clicks, where they stand, tuned without the test period.

    python -m benchmarks.talkingdata path/to/talkingdata

Trained on the first three quarters of each file's time and tested on the last; tuned by
`clickward tune`'s code on folds inside the first three quarters. Intervals are 95 %, from 1,000
bootstrap resamples of the test rows. The files are read in place and copied nowhere.
"""

import argparse
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from clickward.models_ml.dataset.frames import read_frame
from clickward.models_ml.dataset.labels import labels_as_of, read_verdicts
from clickward.models_ml.dataset.reading import Span, resolve_span
from clickward.models_ml.dataset.snapshot import pull_snapshot
from clickward.models_ml.estimators import FAMILIES, family
from clickward.models_ml.training.run import build_estimator
from clickward.models_ml.tuning.run import measured, tune
from clickward.models_ml.validation import Windows
from clickward.warehouse.connection import Warehouse, connection
from clickward.warehouse.contracts import read_feature_set
from clickward.warehouse.log import log
from clickward.warehouse.profile import Project, find_project

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
NO_DELAY = timedelta()
RESAMPLES = 1000
METRICS = ("roc_auc", "average_precision")


@dataclass(frozen=True)
class Sample:
    """A file, its training time, the inner folds to tune on, and which labels to train with.

    `reference` is what gradient boosting reached on the same split outside this project,
    trained with every label and without a look into the test period.
    """

    file: str
    train: timedelta
    inner: Windows
    readings: tuple[str, ...]
    reference: dict[str, float]


SAMPLES = (
    Sample(
        "train_sample.csv",
        54 * HOUR,
        Windows(30 * HOUR, NO_DELAY, 12 * HOUR),
        ("known",),
        {"roc_auc": 0.979, "average_precision": 0.461},
    ),
    Sample(
        "dense_20171107_1131.csv",
        882 * SECOND,
        Windows(490 * SECOND, NO_DELAY, 196 * SECOND),
        ("known", "all"),
        {"roc_auc": 0.971, "average_precision": 0.401},
    ),
)


@dataclass(frozen=True)
class Result:
    """One model on one file: the metrics with their intervals."""

    sample: Sample
    labels: str
    positives: str
    model: str
    inner: float | None
    metrics: dict[str, tuple[float, float, float]]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds train_sample.csv and the dense file")
    parser.add_argument("--models", default="xgboost,random_forest,logistic_regression")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--stores", type=Path, help="keep built stores here between runs")
    options = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    models = [name for name in options.models.split(",") if name in FAMILIES]
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        for sample in SAMPLES:
            place = (options.stores or Path(scratch)).resolve() / Path(sample.file).stem
            with Built(options.folder / sample.file, place) as warehouse:
                for result in measure(warehouse, sample, models, options.trials):
                    print(line(result), flush=True)
                    results.append(result)
    print(table(results))


class Built:
    """The file loaded and built in a store of its own; a context manager."""

    def __init__(self, file: Path, place: Path) -> None:
        os.environ["CLICKWARD_STORE"] = str(place / "store")
        checkout = find_project(target="local")
        profiles = place / "profiles"
        self.project = Project(checkout.project_dir, profiles, "local")
        if not profiles.is_dir():
            place.mkdir(parents=True, exist_ok=True)
            for words in (["load", "talkingdata", str(file)], ["build"]):
                command = [str(Path(sys.executable).with_name("clickward")), *words]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            shutil.copytree(checkout.profiles_dir, profiles)

    def __enter__(self) -> Warehouse:
        self._connection = connection(self.project)
        return self._connection.__enter__()

    def __exit__(self, *error: object) -> None:
        self._connection.__exit__(*error)  # type: ignore[arg-type]


def measure(
    warehouse: Warehouse, sample: Sample, models: list[str], trials: int
) -> Iterator[Result]:
    """Each model, by default and tuned, trained with each reading of the labels."""
    feature_set = read_feature_set(warehouse.project, "fs_click")
    frame = read_frame(pull_snapshot(warehouse, feature_set).path)
    span = resolve_span(warehouse, feature_set)
    verdicts = read_verdicts(warehouse, feature_set, Span(span.from_at, span.to_at))
    cut_at = span.from_at + sample.train
    cut = np.datetime64(cut_at.replace(tzinfo=None), "ms")
    early, late = np.flatnonzero(frame.times < cut), np.flatnonzero(frame.times >= cut)
    readings = {"known": cut_at, "all": None}
    y_late = labels_as_of(frame.ids[late], verdicts, None)
    for model in models:
        tuned = tune(
            warehouse, feature_set, model, trials, windows=sample.inner,
            finished=lambda trial, best: log(f"trial {trial.number}: {trial.state}"),
        )  # fmt: skip
        assert tuned.study.facts["held_out_from"] >= str(cut_at.replace(tzinfo=None))
        best = tuned.best
        assert best is not None
        for reading in sample.readings:
            y = labels_as_of(frame.ids[early], verdicts, readings[reading])
            tries = {"default": ({}, tuned.trials[0].value), "tuned": (best.parameters, best.value)}
            for how, (parameters, inner) in tries.items():
                estimator = build_estimator(model, parameters, seed=0)
                supervised = family(model).is_supervised
                estimator.fit(frame.X[early], y if supervised else None)
                scores = estimator.predict_score(frame.X[late])
                counts = f"{int(y.sum())} / {int(y_late.sum())}"
                metrics = {name: interval(name, scores, y_late) for name in METRICS}
                yield Result(sample, reading, counts, f"{model}, {how}", inner, metrics)


def interval(metric: str, scores: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """The metric and the ends of its 95 % interval."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(RESAMPLES):
        rows = rng.integers(0, len(y), len(y))
        if 0 < y[rows].sum() < len(y):
            found.append(measured(metric, scores[rows], y[rows]))
    low, high = np.quantile(found, [0.025, 0.975])
    return measured(metric, scores, y), float(low), float(high)


def line(result: Result) -> str:
    """One row of the table."""
    reference = result.sample.reference
    cells = [
        f"{value:.3f} [{low:.3f}, {high:.3f}] {'meets' if high >= reference[name] else 'below'}"
        f" {reference[name]}"
        for name, (value, low, high) in result.metrics.items()
    ]
    inner = "" if result.inner is None else f"{result.inner:.3f}"
    first = [result.sample.file, result.labels, result.positives, result.model, inner]
    return "| " + " | ".join([*first, *cells]) + " |"


def table(results: list[Result]) -> str:
    """The table of benchmarks/RESULTS.md."""
    head = [
        "file", "training labels", "positives, training / test", "model",
        "average precision on inner folds", "ROC AUC", "average precision",
    ]  # fmt: skip
    rule = "| " + " | ".join(["---"] * len(head)) + " |"
    return "\n".join(["", "| " + " | ".join(head) + " |", rule, *map(line, results)])


if __name__ == "__main__":
    main()
