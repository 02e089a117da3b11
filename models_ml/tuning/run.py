"""Hyper-parameters searched on inner prequential folds; the last fold is never looked at."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from clickward.models_ml.dataset.frames import read_frame
from clickward.models_ml.dataset.labels import read_verdicts
from clickward.models_ml.dataset.reading import Span, check_built, resolve_span
from clickward.models_ml.dataset.snapshot import Advance, pull_snapshot
from clickward.models_ml.dataset.splits import Fold, PrequentialSplit, choose_windows, to_datetime
from clickward.models_ml.estimators import Estimator, family
from clickward.models_ml.estimators.devices import CPU, check_device
from clickward.models_ml.training.artifacts import LIBRARIES
from clickward.models_ml.training.fitting import MIN_ROWS, fit, predict
from clickward.models_ml.training.run import build_estimator
from clickward.models_ml.tuning.studies import Study, Trial, best_of, open_study, write_trials
from clickward.models_ml.validation import ANY_WINDOWS, History, Windows
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.content import sha256_text
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.durations import format_instant
from clickward.warehouse.errors import UsageError, UserError
from clickward.warehouse.log import log, takes_say
from clickward.warehouse.run_log import Run, ensure_ml_tables, to_json

METRICS = ("average_precision", "roc_auc")


@dataclass(frozen=True)
class Plan:
    """Which folds an objective may use, and from where on nothing is read.

    The tuner stands at the opening of the last fold's test window: it reads no row from there
    on and no verdict known later. Inner folds whose test window ended less than the label delay
    before are left out, for their frauds are not found yet; where that leaves none, they are
    used as they are.
    """

    splitter: PrequentialSplit
    inner: list[Fold]
    held_out: Fold

    @property
    def stands_at(self) -> datetime:
        return to_datetime(self.held_out.test_from)

    @property
    def reads_to(self) -> datetime:
        """End of the rows read: the last inner test window."""
        return to_datetime(max(fold.test_to for fold in self.inner))


def plan_folds(first: datetime, last: datetime, windows: Windows) -> Plan:
    """The inner folds of events from `first` to `last`. Raises `UserError` where there is none."""
    splitter = choose_windows(
        last - first, windows.train, windows.delay, windows.test, windows.step
    )
    ends = np.array([moment.replace(tzinfo=None) for moment in (first, last)], "datetime64[ms]")
    *earlier, held_out = splitter.folds(ends)
    unread = [fold for fold in earlier if fold.test_to <= held_out.test_from]
    settled = [fold for fold in unread if fold.test_to <= held_out.train_to]
    inner = settled or unread
    if not inner:
        raise UserError(
            f"{splitter} gives {len(earlier) + 1} fold(s) and the last is held out: none is left",
            "choose shorter --train, --test or --step",
        )
    return Plan(splitter, inner, held_out)


@dataclass(frozen=True)
class Objective:
    """One metric's mean over the inner folds, as a function of hyper-parameters."""

    history: History
    folds: list[Fold]
    labels_at: datetime
    model: str
    metric: str
    seed: int
    device: str = CPU

    @cached_property
    def parts(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """Training rows and labels, test rows and labels, of each fold that can be measured."""
        times = self.history.frame.times
        found = []
        for fold in self.folds:
            train, test = fold.train_rows(times), fold.test_rows(times)
            y = self.history.labels(train, to_datetime(fold.test_from))
            truth = self.history.labels(test, self.labels_at)
            if (
                len(train) >= MIN_ROWS
                and len(np.unique(truth)) == 2
                and (len(np.unique(y)) == 2 or not family(self.model).is_supervised)
            ):
                found.append((train, y, test, truth))
        return found

    def __call__(
        self, parameters: dict[str, Any], report: Callable[[int, float], bool]
    ) -> list[float]:
        """The metric on each fold; ends early where `report(step, mean so far)` is True."""
        values: list[float] = []
        for step, (train, y, test, truth) in enumerate(self.parts):
            estimator = build_estimator(self.model, parameters, self.seed, self.device)
            fit(estimator, self.history.frame, train, y)
            scores = predict(estimator, self.history.frame, test)
            values.append(measured(self.metric, scores, truth))
            if report(step, float(np.mean(values))):
                break
        return values


def measured(metric: str, scores: np.ndarray, y: np.ndarray) -> float:
    """`average_precision` or `roc_auc` of scores against labels `(n,)` of both classes."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    of = {METRICS[0]: average_precision_score, METRICS[1]: roc_auc_score}
    return float(of[metric](y, scores))


@dataclass(frozen=True)
class Tuned:
    """A study after a run: every trial, and how many of them this run made."""

    study: Study
    trials: list[Trial]
    made: int

    @property
    def best(self) -> Trial | None:
        return best_of(self.trials)


@takes_say
def tune(
    warehouse: Warehouse,
    feature_set: FeatureSet,
    model: str,
    trials: int,
    metric: str = METRICS[0],
    windows: Windows = ANY_WINDOWS,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    seed: int = 0,
    timeout: timedelta | None = None,
    device: str = CPU,
    advance: Advance = lambda rows: None,
    finished: Callable[[Trial, Trial | None], None] = lambda trial, best: None,
) -> Tuned:
    """Search `model`'s hyper-parameters until the study has `trials` finished ones.

    A study is named by what made it (data, folds, metric, seed, contract, library versions), so
    the same call continues it, and a killed run too: only trials that ended count. Trials are
    suggested by Optuna's TPE (Bergstra et al. 2011), each seeded by its place in the study; the
    first tries the defaults; a trial below the median of the others after a fold is pruned.
    `finished` is called after each trial, with the best so far. Trials are written to
    `ml.trials` through the ledger.
    """
    space = family(model).search_space
    if not space:
        raise UsageError(f"{model} has no hyper-parameter to tune", "tune another family")
    if metric not in METRICS:
        raise UsageError(f"no metric {metric!r}", f"metrics are {', '.join(METRICS)}")
    if trials < 1:
        raise UsageError("--trials must be 1 or more")
    build_estimator(model, {}, seed, device)  # refuses a device that the family does not take
    check_device(device)
    ensure_ml_tables(warehouse)
    check_built(warehouse, feature_set)
    span = resolve_span(warehouse, feature_set, from_at, to_at, strays=False)
    plan = plan_folds(span.from_at, span.to_at - timedelta(milliseconds=1), windows)
    log(
        f"{plan.splitter}: {len(plan.inner)} inner fold(s), read up to"
        f" {format_instant(plan.reads_to)}; the last test window, from"
        f" {format_instant(plan.stands_at)} on, is not looked at"
    )
    asked = {
        "model": model, "metric": metric, "windows": str(plan.splitter), "seed": seed,
        "held_out_from": plan.stands_at, "held_out_to": to_datetime(plan.held_out.test_to),
    }  # fmt: skip
    if device != CPU:
        asked["device"] = device
    run = Run("tune", feature_set, dict(asked))
    snapshot = pull_snapshot(
        warehouse, feature_set, span.from_at, plan.reads_to, plan.stands_at, advance=advance
    )
    facts = asked | {"snapshot": snapshot.snapshot_id, "feature_set": feature_set.name}
    name = study_name(facts, feature_set, family(model))
    history = _history(warehouse, feature_set, snapshot.path, plan)
    objective = Objective(history, plan.inner, plan.stands_at, model, metric, seed, device)
    if not objective.parts:
        raise UserError(
            "no inner fold has labels of both classes in its two windows", "choose longer windows"
        )
    log(f"study {name}: {metric}, mean of {len(objective.parts)} fold(s)")
    with open_study(warehouse.project.home, name, facts) as study:
        before = len(study.finished())
        study.search(objective, space, trials, seed, timeout, finished)
        found = study.finished()
    made = max(len(found) - before, 0)
    tuned = Tuned(study, found, made)
    write_trials(warehouse, run, name, metric, found, tuned.best)
    return tuned


def study_name(facts: dict[str, Any], feature_set: FeatureSet, kind: type[Estimator]) -> str:
    """Name of the study these facts give, such as `xgboost-fs_click-1a2b3c4d`."""
    identity = facts | {
        "contract": feature_set.contract_hash,
        "space": {name: repr(values) for name, values in kind.search_space.items()},
        "defaults": kind().get_params(),
        "libraries": {name: version(name) for name in (*LIBRARIES, "optuna")},
    }
    return f"{kind.name}-{feature_set.name}-{sha256_text(to_json(identity))[:8]}"


def _history(warehouse: Warehouse, feature_set: FeatureSet, path: Path, plan: Plan) -> History:
    """The rows before the held-out window with the verdicts known when it opens; no truth."""
    frame = read_frame(path)
    span = Span(to_datetime(frame.times.min()), to_datetime(frame.times.max() + 1))
    verdicts = read_verdicts(warehouse, feature_set, span)
    known = verdicts.filter(pl.col("known_at") <= plan.stands_at)
    return History(frame, known, None)
