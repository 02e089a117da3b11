"""Validation the way fraud arrives: in time order, with late labels, thresholds set before."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from models_ml.bootstrap import RESAMPLES
from models_ml.durations import about, utc_now
from models_ml.estimators import families
from models_ml.evaluation import (
    OVERALL,
    Labels,
    Measurement,
    Scored,
    evaluate,
    flag,
    pool,
    unmeasured,
)
from models_ml.frames import TrainingFrame, read_frame
from models_ml.labels import labels_as_of, read_truth, read_verdicts
from models_ml.ledger import Run, drop_uncommitted
from models_ml.metrics import thresholds_of
from models_ml.reading import INSTANT, Span
from models_ml.snapshot import Advance, pull_snapshot
from models_ml.splits import Fold, PrequentialSplit, choose_windows, to_datetime
from models_ml.training import Say, build_estimator, fit, holdout_thresholds, predict
from warehouse.connection import Warehouse
from warehouse.contracts import FeatureSet
from warehouse.errors import UserError

KEYS = ("model", "fold", "segment", "metric", "value", "low", "high", "n")


@dataclass(frozen=True)
class Windows:
    """The windows asked for; None is chosen to fit the data."""

    train: timedelta | None = None
    delay: timedelta | None = None
    test: timedelta | None = None
    step: timedelta | None = None


ANY_WINDOWS = Windows()


@dataclass(frozen=True)
class Evaluation:
    """Measurements of one model on one fold, or on all of them (`fold` -1)."""

    model: str
    fold: int
    test_from: datetime
    test_to: datetime
    measurements: list[Measurement]

    def rows(self) -> Iterator[dict[str, Any]]:
        """One object for each metric with the keys `KEYS`."""
        for m in self.measurements:
            yield dict(
                zip(
                    KEYS,
                    (self.model, self.fold, m.segment, m.metric, m.value, m.low, m.high, m.n),
                    strict=True,
                )
            )


@dataclass(frozen=True)
class History:
    """A frame with every verdict on its rows and, in simulated worlds, the truth."""

    frame: TrainingFrame
    verdicts: pl.DataFrame
    attacks: pl.Series | None

    def labels(self, rows: np.ndarray, as_of: datetime | None) -> np.ndarray:
        """Labels of `rows` as known at `as_of`, or by every verdict."""
        return labels_as_of(self.frame.ids[rows], self.verdicts, as_of)

    def test_labels(self, rows: np.ndarray, known_at: datetime) -> Labels:
        """The three readings of the test rows' labels."""
        attacks = None if self.attacks is None else self.attacks[rows]
        return Labels(self.labels(rows, known_at), self.labels(rows, None), attacks)


def validate(
    warehouse: Warehouse,
    feature_set: FeatureSet,
    models: str,
    windows: Windows = ANY_WINDOWS,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    say: Say = lambda text: None,
    advance: Advance = lambda rows: None,
) -> list[Evaluation]:
    """Evaluate model families on prequential folds and write `ml.evaluations`.

    A model is trained with the labels known when its test window opens, the end of training
    plus the delay. Thresholds are set before the test window too: on the latest fold whose
    labels have had the delay to arrive, or, while there is none, on the last fifth of the
    training window. Measured on the labels known at the
    end of the test window, on matured labels, and on the truth where it is loaded.
    """
    names = families(models, say)
    drop_uncommitted(warehouse, "validate", "evaluations", "evaluated_at")
    run = Run("validate", feature_set, {"models": names, "seed": seed, "resamples": resamples})
    snapshot = pull_snapshot(warehouse, feature_set, from_at, to_at, advance=advance)
    history = _read_history(warehouse, feature_set, read_frame(snapshot.path), say)
    splitter = _splitter(history.frame.times, windows, say)
    run.parameters.update(windows=str(splitter), snapshot=snapshot.snapshot_id)
    folds = splitter.folds(history.frame.times)
    evaluations = [
        evaluation
        for name in names
        for evaluation in _evaluate_model(history, name, folds, seed, resamples, say)
    ]
    if not evaluations:
        raise UserError("no fold has rows in both its windows", "choose longer --train or --test")
    written = _write(warehouse, run, evaluations)
    run.commit(warehouse, rows=written)
    return evaluations


def _read_history(
    warehouse: Warehouse, feature_set: FeatureSet, frame: TrainingFrame, say: Say
) -> History:
    span = Span(to_datetime(frame.times.min()), to_datetime(frame.times.max() + 1))
    verdicts = read_verdicts(warehouse, feature_set, span)
    history = History(frame, verdicts, read_truth(warehouse, feature_set, frame.ids))
    differing = int((history.labels(np.arange(len(frame)), None) != frame.y).sum())
    if differing:
        say(
            f"warning: {differing:,} labels of {feature_set.relation} differ from the verdicts"
            " loaded; the verdicts are used (run `clickward build` to agree)"
        )
    return history


def _splitter(times: np.ndarray, windows: Windows, say: Say) -> PrequentialSplit:
    span = timedelta(milliseconds=int((times.max() - times.min()).astype(int)))
    splitter = choose_windows(span, windows.train, windows.delay, windows.test, windows.step)
    chosen = [name for name, value in vars(windows).items() if value is None]
    because = f" ({', '.join(chosen)} chosen to fit it)" if chosen else ""
    count = splitter.get_n_splits(times)
    say(f"the events span {about(span)}: {splitter}{because}; {count} fold(s)")
    return splitter


def _evaluate_model(
    history: History, name: str, folds: list[Fold], seed: int, resamples: int, say: Say
) -> Iterator[Evaluation]:
    """Each fold's evaluation, then all folds together where there are several."""
    measured: list[tuple[Fold, Scored]] = []
    for fold in folds:
        rows = fold.test_rows(history.frame.times)
        if not len(rows) or not len(fold.train_rows(history.frame.times)):
            say(f"fold {fold.number} has no rows in one of its windows: left out")
            continue
        labels = history.test_labels(rows, to_datetime(fold.test_to))
        earlier = [(past, scored.scores) for past, scored in measured]
        scores, thresholds = _run_fold(history, name, fold, earlier, seed, say)
        if scores is None:
            yield _evaluation(name, [fold], fold.number, unmeasured(labels))
            continue
        scored = Scored(scores, labels, flag(scores, thresholds))
        measured.append((fold, scored))
        found = evaluate(scored, resamples, seed + fold.number)
        yield _evaluation(name, [fold], fold.number, found)
        say(f"{name}, fold {fold.number}: {_headline(found)}")
    if len(measured) > 1:
        together = evaluate(pool(scored for _, scored in measured), resamples, seed)
        yield _evaluation(name, [fold for fold, _ in measured], OVERALL, together)


def _run_fold(
    history: History,
    name: str,
    fold: Fold,
    earlier: list[tuple[Fold, np.ndarray]],
    seed: int,
    say: Say,
) -> tuple[np.ndarray | None, dict[str, float | None]]:
    """Test scores and the thresholds set before the test; no scores where it cannot be fitted."""
    frame = history.frame
    estimator = build_estimator(name, {}, seed)
    rows = fold.train_rows(frame.times)
    y = history.labels(rows, to_datetime(fold.test_from))
    if estimator.is_supervised and len(np.unique(y)) < 2:
        say(f"{name}, fold {fold.number}: training labels of one class only, nothing measured")
        return None, {}
    thresholds = _frozen(history, fold, earlier)
    if thresholds is None:
        try:
            thresholds = holdout_thresholds(estimator, frame, rows, y)
        except UserError as error:
            say(f"{name}, fold {fold.number}: no threshold: {error.message}")
            thresholds = {}
    try:
        fit(estimator, frame, rows, y)
    except UserError as error:
        say(f"{name}, fold {fold.number}: nothing measured: {error.message}")
        return None, {}
    return predict(estimator, frame, fold.test_rows(frame.times)), thresholds


def _frozen(
    history: History, fold: Fold, earlier: list[tuple[Fold, np.ndarray]]
) -> dict[str, float | None] | None:
    """Thresholds from the fold before, as they could be set when this test window opens.

    That is the last fold whose test window ended a whole delay before: its labels, as known
    now, are as old as those trained on. A younger one would count every fraud not yet found as
    a negative, and put the threshold above the frauds. None where there is no such fold.
    """
    ended = [(past, scores) for past, scores in earlier if past.test_to <= fold.train_to]
    if not ended:
        return None
    past, scores = ended[-1]
    rows = past.test_rows(history.frame.times)
    found = thresholds_of(scores, history.labels(rows, to_datetime(fold.test_from)))
    return None if None in found.values() else found


def _evaluation(
    name: str, folds: list[Fold], number: int, measurements: list[Measurement]
) -> Evaluation:
    opened = min(fold.test_from for fold in folds)
    closed = max(fold.test_to for fold in folds)
    return Evaluation(name, number, to_datetime(opened), to_datetime(closed), measurements)


def _headline(measurements: list[Measurement]) -> str:
    shown = [m for m in measurements if m.segment == "matured"][:2]
    return ", ".join(
        f"{m.metric} undefined" if m.value is None else f"{m.metric} {m.value:.4f}" for m in shown
    )


def _write(warehouse: Warehouse, run: Run, evaluations: list[Evaluation]) -> int:
    constants = {
        "run_id": run.run_id,
        "feature_set": run.feature_set.name,
        "target": run.feature_set.target,
        "evaluated_at": utc_now(),
    }
    rows = [
        row | constants | {"test_from": evaluation.test_from, "test_to": evaluation.test_to}
        for evaluation in evaluations
        for row in evaluation.rows()
    ]
    types: dict[str, Any] = dict.fromkeys(("test_from", "test_to", "evaluated_at"), INSTANT)
    types |= dict.fromkeys(("value", "low", "high"), pl.Float64)
    frame = pl.DataFrame(rows, schema_overrides=types | {"fold": pl.Int32, "n": pl.UInt64})
    warehouse.insert(warehouse.table("ml", "evaluations"), frame)
    return frame.height
