"""Fitting and scoring on rows in memory, and the twin that thresholds come from."""

import numpy as np

from clickward.models_ml.estimators import Estimator
from clickward.models_ml.frames import TrainingFrame
from clickward.models_ml.metrics import thresholds_of
from clickward.models_ml.thresholds import Holdout
from clickward.warehouse.errors import UsageError

# Thresholds come from a twin that has not seen the last fifth of the time span.
HOLDOUT_SHARE = 0.2


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
    """The last 20 % of the time span, scored by a twin fitted on what came before.

    Raises `UserError` where the first part has labels of one class only.
    """
    from sklearn.base import clone

    times = frame.times[rows]
    cut = times.min() + (times.max() - times.min()) * (1 - HOLDOUT_SHARE)
    early, late = np.flatnonzero(times < cut), np.flatnonzero(times >= cut)
    twin = fit(clone(estimator), frame, rows[early], y[early])
    return Holdout(predict(twin, frame, rows[late]), y[late], times[late])
