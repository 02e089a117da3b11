"""Validation the way fraud arrives: in time order, with late labels, thresholds set before."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from clickward.models_ml.dataset.frames import read_frame
from clickward.models_ml.dataset.reading import INSTANT, check_built, resolve_span
from clickward.models_ml.dataset.snapshot import Advance, pull_snapshot
from clickward.models_ml.dataset.splits import PrequentialSplit, choose_windows
from clickward.models_ml.dataset.stretch import stretch_of
from clickward.models_ml.estimators import families, family
from clickward.models_ml.estimators.devices import CPU, check_device
from clickward.models_ml.training.run import build_estimator
from clickward.models_ml.validation.drift import adversary_scores
from clickward.models_ml.validation.fold import FoldData, Outcome, fit_fold, prepare_fold
from clickward.models_ml.validation.history import History, read_history
from clickward.models_ml.validation.leaks import check_leaks
from clickward.models_ml.validation.measuring import ADVERSARIAL, measure_folds, measure_shift
from clickward.models_ml.validation.protocol import (
    ANY_WINDOWS,
    AS_ASKED,
    Evaluation,
    Protocol,
    Windows,
    with_baselines,
)
from clickward.models_ml.validation.resume import Finished, run_key
from clickward.models_ml.validation.variants import Variant, attacks_to_hold_out
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.durations import about, utc_now
from clickward.warehouse.errors import UserError
from clickward.warehouse.log import log, takes_say
from clickward.warehouse.run_log import Run, drop_uncommitted, ensure_ml_tables

# Hears parts done, parts in all, whether the part was found finished, and what it gave.
Tell = Callable[[int, int, bool, str], None]


@dataclass(frozen=True)
class Lab:
    """One validation at work: what it reads, what it has finished, and who listens."""

    history: History
    protocol: Protocol
    finished: Finished
    tell: Tell
    total: int
    done: list[str] = field(default_factory=list)

    def outcome(self, model: str, data: FoldData, compute: Callable[[], Outcome]) -> Outcome:
        """The finished outcome, or a new one, which is kept."""
        found = self.finished.find(model, data)
        is_old = found is not None
        if found is None:
            found = compute()
            self.finished.keep(model, data, found)
        self.done.append(model)
        place = f"{model}, fold {data.fold.number}"
        if found.note:
            log(f"{place}: {found.note}")
        self.tell(len(self.done), self.total, is_old, place)
        return found


@takes_say
def validate(
    warehouse: Warehouse,
    feature_set: FeatureSet,
    models: str,
    windows: Windows = ANY_WINDOWS,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    protocol: Protocol = AS_ASKED,
    restart: bool = False,
    allow_leaks: bool = False,
    advance: Advance = lambda rows: None,
    tell: Tell = lambda done, total, is_old, place: None,
) -> list[Evaluation]:
    """Evaluate model families on prequential folds and write `ml.evaluations`.

    A model is trained with the labels known when its test window opens, the end of training
    plus the delay. Thresholds are set before the test window too: on the latest fold whose
    labels have had the delay to arrive, or, while there is none, on the last fifth of the
    training window. Measured on the labels known at the end of the test window, on matured
    labels, and on the truth where it is loaded.

    A killed run goes on where it was when the same is asked again; `restart` forgets it.
    Raises `UserError` naming what leaks, unless `allow_leaks`.
    """
    names = with_baselines(families(models))
    check_device(protocol.device)
    ensure_ml_tables(warehouse)
    drop_uncommitted(warehouse, "validate", "evaluations", "evaluated_at")
    run = Run("validate", feature_set, {"models": names, **vars(protocol)})
    run.parameters["costs"] = vars(protocol.costs)
    check_built(warehouse, feature_set)
    span = resolve_span(warehouse, feature_set, from_at, to_at, strays=False)
    snapshot = pull_snapshot(warehouse, feature_set, span.from_at, span.to_at, advance=advance)
    frame = read_frame(snapshot.path)
    history = read_history(warehouse, feature_set, frame, protocol.costs)
    splitter = _splitter(frame.times, windows)
    run.parameters.update(windows=str(splitter), snapshot=snapshot.snapshot_id)
    variants = protocol.variants(feature_set, attacks_to_hold_out(history))
    folds = {variant: _folds(history, splitter, variant) for variant in variants}
    check_leaks(warehouse, feature_set, history, folds[variants[0]], allow_leaks)
    facts = {"windows": str(splitter), "seed": protocol.seed}
    if protocol.device != CPU:
        facts["device"] = protocol.device
    finished = Finished(warehouse.project.home, run_key(history, facts))
    if restart:
        finished.forget()
    total = len(names) * sum(map(len, folds.values())) + len(folds[variants[0]])
    lab = Lab(history, protocol, finished, tell, total)
    evaluations = list(_evaluate(lab, folds, names))
    if finished.reused:
        log(f"{finished.reused} of {total} parts had been finished before and were kept")
    written = _write(warehouse, run, evaluations)
    run.commit(warehouse, rows=written)
    finished.forget()
    return evaluations


def _ends(times: np.ndarray) -> np.ndarray:
    """The first and last time between which folds are laid: where the rows are."""
    found = stretch_of(times)
    return np.array([found.first, found.last])


def _splitter(times: np.ndarray, windows: Windows) -> PrequentialSplit:
    first, last = _ends(times)
    span = timedelta(milliseconds=int((last - first).astype(int)))
    splitter = choose_windows(span, windows.train, windows.delay, windows.test, windows.step)
    chosen = [name for name, value in vars(windows).items() if value is None]
    because = f" ({', '.join(chosen)} chosen to fit it)" if chosen else ""
    count = splitter.get_n_splits(_ends(times))
    log(f"the events span {about(span)}: {splitter}{because}; {count} fold(s)")
    return splitter


def _folds(history: History, splitter: PrequentialSplit, variant: Variant) -> list[FoldData]:
    """What every model takes of each fold; of a held-out attack the folds that test it."""
    found = []
    for fold in splitter.folds(_ends(history.frame.times)):
        data = prepare_fold(history, fold, variant)
        if data is None:
            log(f"{variant.name}, fold {fold.number} has no rows in one of its windows: left out")
        else:
            found.append(data)
    if not found:
        raise UserError("no fold has rows in both its windows", "choose longer --train or --test")
    return found


def _evaluate(
    lab: Lab, folds: dict[Variant, list[FoldData]], names: list[str]
) -> Iterator[Evaluation]:
    """Every model on every fold of every variant, and the folds themselves."""
    protocol = lab.protocol
    first = next(iter(folds.values()))
    for data in first:
        told_apart = lab.outcome(
            ADVERSARIAL,
            data,
            lambda data=data: adversary_scores(lab.history, data, protocol.seed),  # type: ignore[misc]
        )
        yield from measure_shift(lab.history, data, told_apart, protocol)
    for variant, parts in folds.items():
        for name in names:
            measured: list[tuple[FoldData, Outcome]] = []
            for data in parts:
                outcome = lab.outcome(name, data, lambda: _fit(lab, name, data, measured))  # noqa: B023
                measured.append((data, outcome))
            is_calibrated = build_estimator(name, {}, protocol.seed).gives_probabilities
            yield from measure_folds(lab.history, name, variant, measured, protocol, is_calibrated)


def _fit(lab: Lab, name: str, data: FoldData, measured: list[tuple[FoldData, Outcome]]) -> Outcome:
    device = lab.protocol.device if family(name).takes_device else CPU
    estimator = build_estimator(name, {}, lab.protocol.seed, device)
    return fit_fold(lab.history, estimator, data, measured)


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
