"""One model on one fold: fit on what was known, score what came next."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from clickward.models_ml.dataset.frames import TrainingFrame
from clickward.models_ml.dataset.splits import Fold, to_datetime
from clickward.models_ml.estimators import Estimator
from clickward.models_ml.evaluation.flatness import failure_of
from clickward.models_ml.evaluation.measurement import Labels, Rows, Scored, flag
from clickward.models_ml.evaluation.metrics.thresholds import thresholds_of
from clickward.models_ml.training.fitting import MIN_ROWS, fit, holdout_thresholds, predict
from clickward.models_ml.validation.history import History
from clickward.models_ml.validation.variants import AS_IS, Variant, known_bad, not_to_train_on
from clickward.warehouse.errors import UserError

# Training rows scored beside the test rows, to see whether scores have shifted.
TRAIN_SAMPLE = 5_000


@dataclass(frozen=True)
class FoldData:
    """One fold's rows and labels, the same for every model.

    `train` and `test` are positions in the frame, `y` the training labels; `columns` the
    features that the variant keeps.
    """

    fold: Fold
    train: np.ndarray
    y: np.ndarray
    test: np.ndarray
    labels: Labels
    rows: Rows
    columns: tuple[str, ...]
    variant: Variant = AS_IS

    @property
    def train_sample(self) -> np.ndarray:
        """Positions of the training rows that are scored too, the same for every model."""
        if len(self.train) <= TRAIN_SAMPLE:
            return self.train
        rng = np.random.default_rng(self.fold.number)
        return np.sort(rng.choice(self.train, TRAIN_SAMPLE, replace=False))


@dataclass(frozen=True)
class Outcome:
    """What fitting and scoring gave, before anything is measured.

    `scores` are of the test rows, `train_scores` of `FoldData.train_sample`; both None where
    the model could not be fitted, and `note` says why. It says too where nearly all scores are
    equal.
    """

    scores: np.ndarray | None
    train_scores: np.ndarray | None = None
    thresholds: dict[str, float | None] = field(default_factory=dict)
    note: str = ""
    seconds: float = 0.0


def prepare_fold(history: History, fold: Fold, variant: Variant = AS_IS) -> FoldData | None:
    """Rows and labels of a fold; None where one of its windows has no rows."""
    times = history.frame.times
    train, test = fold.train_rows(times), fold.test_rows(times)
    train = train[~not_to_train_on(history, variant)[train]]
    if variant.drop_known_bad:
        test = test[~known_bad(history, fold)[test]]
    if not len(train) or not len(test):
        return None
    y = history.labels(train, None if variant.is_matured else to_datetime(fold.test_from))
    labels = _test_labels(history, fold, train, test)
    columns = variant.columns(history.frame.X.columns)
    return FoldData(fold, train, y, test, labels, history.rows.take(test), columns, variant)


def _test_labels(history: History, fold: Fold, train: np.ndarray, test: np.ndarray) -> Labels:
    """Readings of the test labels, and which rows belong to attacks that training never saw.

    By the truth where it is loaded; else an attack is unseen where no verdict on a training row
    known when the test window opens names it.
    """
    if history.attacks is not None:
        attacks, named = history.attacks[test], None
        seen = history.attacks[train].drop_nulls().unique()
        tested = attacks
    else:
        attacks, named = None, history.named()[test]
        seen = history.named(to_datetime(fold.test_from))[train].drop_nulls().unique()
        tested = named
    unseen = tested.is_not_null() & ~tested.is_in(seen.implode())
    return Labels(
        history.labels(test, to_datetime(fold.test_to)),
        history.labels(test, None),
        attacks,
        named,
        unseen.fill_null(False).to_numpy(),
    )


def fit_fold(
    history: History,
    estimator: Estimator,
    data: FoldData,
    earlier: Sequence[tuple[FoldData, Outcome]] = (),
) -> Outcome:
    """Fit on the training rows, score the test rows, set thresholds before them.

    Thresholds come from the latest of the `earlier` folds whose test window ended a whole delay
    before this one opens, else from the last fifth of the training window.
    """
    begun = time.perf_counter()
    frame = _narrowed(history.frame, data.columns)
    if len(data.train) < MIN_ROWS:
        return Outcome(None, note=f"{len(data.train)} training rows only, nothing measured")
    if estimator.is_supervised and len(np.unique(data.y)) < 2:
        return Outcome(None, note="training labels of one class only, nothing measured")
    note = ""
    thresholds = _frozen(history, data, earlier)
    if thresholds is None:
        try:
            thresholds = holdout_thresholds(estimator, frame, data.train, data.y)
        except UserError as error:
            note, thresholds = f"no threshold: {error.message}", {}
    try:
        fit(estimator, frame, data.train, data.y)
    except UserError as error:
        return Outcome(None, note=f"not fitted: {error.message}")
    if estimator.subsampled_ is not None and not note:
        note = "learnt from {:,} of {:,} training rows".format(*estimator.subsampled_)
    scores = predict(estimator, frame, data.test)
    failure = failure_of(estimator.kind, scores)
    return Outcome(
        scores,
        predict(estimator, frame, data.train_sample),
        thresholds,
        "; ".join(part for part in (failure, note) if part),
        time.perf_counter() - begun,
    )


def run_fold(
    history: History,
    estimator: Estimator,
    fold: Fold,
    earlier: Sequence[tuple[FoldData, Outcome]] = (),
    variant: Variant = AS_IS,
) -> Scored | None:
    """One unfitted estimator on one fold, ready to be measured by `evaluation.evaluate`.

    None where a window has no rows or the training labels are of one class. The estimator is
    fitted afterwards.
    """
    data = prepare_fold(history, fold, variant)
    if data is None:
        return None
    return scored_of(data, fit_fold(history, estimator, data, earlier), estimator.is_calibrated)


def scored_of(data: FoldData, outcome: Outcome, is_calibrated: bool) -> Scored | None:
    """An outcome beside the labels and rows it is measured on; None without scores."""
    if outcome.scores is None:
        return None
    flags = flag(outcome.scores, outcome.thresholds)
    return Scored(outcome.scores, data.labels, flags, data.rows, is_calibrated)


def _frozen(
    history: History, data: FoldData, earlier: Sequence[tuple[FoldData, Outcome]]
) -> dict[str, float | None] | None:
    """Thresholds from the fold before, as they could be set when this test window opens.

    That is the last fold whose test window ended a whole delay before: its labels, as known
    now, are as old as those trained on. A younger one would count every fraud not yet found as
    a negative, and put the threshold above the frauds. None where there is no such fold.
    """
    ended = [
        (past, outcome.scores)
        for past, outcome in earlier
        if outcome.scores is not None and past.fold.test_to <= data.fold.train_to
    ]
    if not ended:
        return None
    past, scores = ended[-1]
    # Where an attack is held out, no threshold may be set on it either.
    kept = ~not_to_train_on(history, data.variant)[past.test]
    rows = past.test[kept]
    as_of = None if data.variant.is_matured else to_datetime(data.fold.test_from)
    found = thresholds_of(scores[kept], history.labels(rows, as_of))
    return None if None in found.values() else found


def _narrowed(frame: TrainingFrame, columns: tuple[str, ...]) -> TrainingFrame:
    if tuple(frame.X.columns) == columns:
        return frame
    X: pl.DataFrame = frame.X.select(columns)
    return replace(frame, X=X)
