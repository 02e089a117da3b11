"""Scores as probabilities: a monotone map fitted on a later holdout, kept as plain JSON."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clickward.models_ml.estimators import Estimator
from clickward.warehouse.errors import UsageError, UserError

FILE = "calibration.json"
AUTO, NONE, OWN, SIGMOID, ISOTONIC = "auto", "none", "own", "sigmoid", "isotonic"
ASKED = (AUTO, NONE, SIGMOID, ISOTONIC)
# Positives in the holdout from which isotonic regression is no longer mostly noise.
ISOTONIC_FROM = 500
# How much of the sigmoid an isotonic map keeps, so that it rises inside its steps too.
RISE = 1e-3


@dataclass(frozen=True)
class Calibration:
    """A strictly rising map from score to probability.

    `sigmoid`: 1 / (1 + exp(-(slope · (score - centre) / scale + intercept))). `isotonic`: the
    line through (`x`, `y`), flat outside, and `RISE` of the sigmoid added so that no two scores
    are tied by it. Probabilities are of a verdict as known when the model was trained.
    """

    method: str
    centre: float
    scale: float
    slope: float
    intercept: float
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()

    def probability(self, scores: np.ndarray) -> np.ndarray:
        """Probabilities `(n,)` of scores `(n,)`, in the same order."""
        odds = self.slope * (scores - self.centre) / self.scale + self.intercept
        smooth = 1 / (1 + np.exp(-odds))
        if self.method == SIGMOID:
            return smooth
        return (1 - RISE) * np.interp(scores, self.x, self.y) + RISE * smooth

    def save(self, folder: Path) -> None:
        """Write `calibration.json`; numbers come back to the bit."""
        (folder / FILE).write_text(json.dumps(asdict(self)) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "Calibration | None":
        """The map saved in `folder`, None where there is none."""
        if not (folder / FILE).is_file():
            return None
        facts: dict[str, Any] = json.loads((folder / FILE).read_text())
        return cls(**facts | {"x": tuple(facts["x"]), "y": tuple(facts["y"])})


def method_for(estimator: Estimator, asked: str = AUTO) -> str:
    """`own`, `none`, or `auto` / `sigmoid` / `isotonic` to be fitted, as asked for.

    `auto` leaves probabilities alone, maps the scores of supervised families that are none, or
    whose classes were weighed, and never gives labels to an unsupervised family: that is asked
    for by name. Raises `UsageError` on another name.
    """
    if asked not in ASKED:
        raise UsageError(
            f"no calibration {asked!r}", f"--calibrate takes {', '.join(ASKED)}; default auto"
        )
    if asked != AUTO:
        return asked
    if estimator.gives_probabilities:
        return OWN
    return AUTO if estimator.is_supervised else NONE


def fit_calibration(scores: np.ndarray, y: np.ndarray, method: str = AUTO) -> Calibration:
    """The map learnt from holdout scores and labels `(n,)`.

    `auto` is isotonic from `ISOTONIC_FROM` positives on, sigmoid below. The sigmoid is Platt's
    (1999), with his targets (N₊ + 1)/(N₊ + 2) and 1/(N₋ + 2). Raises `UserError` where a class
    is missing or scores do not rise with the labels.
    """
    from sklearn.linear_model import LogisticRegression

    positives = int(y.sum())
    negatives = len(y) - positives
    if not positives or not negatives:
        raise UserError(
            f"the holdout has {positives:,} positives and {negatives:,} negatives: nothing to"
            " calibrate on",
            "widen the training window, or --calibrate none",
        )
    if method == AUTO:
        method = ISOTONIC if positives >= ISOTONIC_FROM else SIGMOID
    centre, scale = float(scores.mean()), float(scores.std()) or 1.0
    standard = ((scores - centre) / scale)[:, None]
    target = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    # A soft target is two rows, one of each class, weighted by it.
    fitted = LogisticRegression(C=1e6, max_iter=1000).fit(
        np.vstack([standard, standard]),
        np.repeat([1, 0], len(y)),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    slope, intercept = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if slope <= 0:
        raise UserError(
            "scores do not rise with the labels of the holdout: no probability can be told",
            "--calibrate none keeps the scores alone",
        )
    if method == SIGMOID:
        return Calibration(SIGMOID, centre, scale, slope, intercept)
    from sklearn.isotonic import IsotonicRegression

    steps = IsotonicRegression(y_min=0, y_max=1).fit(scores, y)
    x = tuple(float(value) for value in steps.X_thresholds_)
    rates = tuple(float(value) for value in steps.y_thresholds_)
    return Calibration(ISOTONIC, centre, scale, slope, intercept, x, rates)
