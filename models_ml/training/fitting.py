"""Fitting and scoring on rows in memory, and the twin that thresholds come from."""

import numpy as np

from clickward.models_ml.dataset.frames import TrainingFrame
from clickward.models_ml.dataset.stretch import Stretch, stretch_of
from clickward.models_ml.estimators import Estimator
from clickward.models_ml.evaluation.metrics import thresholds_of
from clickward.models_ml.evaluation.thresholds import Holdout
from clickward.warehouse.errors import UsageError, UserError

# Thresholds come from a twin that has not seen the last fifth of the time span.
HOLDOUT_SHARE = 0.2
# Fewer rows teach nothing, and cannot be parted for out-of-fold rates.
MIN_ROWS = 20


def holdout_from(stretch: Stretch) -> np.datetime64:
    """When the holdout begins; strays on either side move it nowhere."""
    return stretch.first + (stretch.last - stretch.first) * (1 - HOLDOUT_SHARE)


def check_halves(estimator: Estimator, early: np.ndarray, late: np.ndarray) -> None:
    """Raises `UserError` where rows are too few to learn from, and where a supervised family lacks
    a class before the holdout or in it. `early` and `late` are labels `(n,)`.
    """
    both = np.concatenate([early, late])
    _check_classes(estimator, both, "of training")
    if len(both) < MIN_ROWS or not len(early):
        raise UserError(
            f"{estimator.name} cannot be trained on {len(both):,} rows, {len(early):,} of them"
            f" before the holdout: at least {MIN_ROWS} are needed",
            "widen the training window (--from, --to), or load more and run `clickward build`",
        )
    _check_classes(estimator, early, "before the holdout")
    _check_classes(estimator, late, "in the holdout, the last 20 % of the time")


def _check_classes(estimator: Estimator, y: np.ndarray, where: str) -> None:
    positives = int(y.sum())
    if estimator.is_supervised and positives in (0, len(y)):
        raise UserError(
            f"{estimator.name} needs both classes, found {positives:,} positives among"
            f" {len(y):,} rows {where}",
            "widen the training window (--from, --to), take labels known later (--as-of), or"
            " train one that needs no labels: --model isolation_forest",
        )


def fit(estimator: Estimator, frame: TrainingFrame, rows: np.ndarray, y: np.ndarray) -> Estimator:
    """Fit on the frame's `rows` with their labels `y`; an unsupervised model gets no labels.

    Raises `UsageError` where a parameter has a value that the model does not take.
    """
    from sklearn.utils._param_validation import InvalidParameterError

    X = frame.given(estimator.reads_sequences)[rows]
    try:
        return estimator.fit(X, y) if estimator.is_supervised else estimator.fit(X)
    except InvalidParameterError as error:
        raise UsageError(
            " ".join(str(error).split()), "choose another value for --param"
        ) from error


def predict(estimator: Estimator, frame: TrainingFrame, rows: np.ndarray) -> np.ndarray:
    """Scores `(n,)` of the frame's `rows`."""
    return estimator.predict_score(frame.given(estimator.reads_sequences)[rows])


def holdout_thresholds(
    estimator: Estimator, frame: TrainingFrame, rows: np.ndarray, y: np.ndarray
) -> dict[str, float | None]:
    """Thresholds from `score_holdout`.

    The rates hold on the negatives of the last 20 % as labelled in `y`; frauds not yet known
    are among them and make the thresholds stricter.
    """
    holdout = score_holdout(estimator, frame, rows, y)
    return thresholds_of(holdout.scores, holdout.y)


def score_holdout(
    estimator: Estimator, frame: TrainingFrame, rows: np.ndarray, y: np.ndarray
) -> Holdout:
    """The last 20 % of the time in which the rows lie, scored by a twin fitted on what came before.

    Raises `UserError` where a supervised family lacks a class in one of the two.
    """
    from sklearn.base import clone

    times = frame.times[rows]
    cut = holdout_from(stretch_of(times))
    early, late = np.flatnonzero(times < cut), np.flatnonzero(times >= cut)
    check_halves(estimator, y[early], y[late])
    twin = fit(clone(estimator), frame, rows[early], y[early])
    return Holdout(predict(twin, frame, rows[late]), y[late], times[late])
