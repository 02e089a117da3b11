"""Days until an attack is detected."""

import numpy as np

from clickward.models_ml.evaluation.bootstrap import Weightings

# An attack counts as detected once this share of its rows of the last week were flagged.
DETECTED_SHARE = 0.5
TRAILING_DAYS = 7


def days_to_detect(
    days: np.ndarray, is_attack: np.ndarray, flagged: np.ndarray, weights: Weightings
) -> np.ndarray:
    """Days from an attack's first row to its detection, `(1 + resamples,)`; NaN if never.

    Detected is the first UTC day at whose end at least half of the attack's rows of that day and
    the six before it were flagged; 1 is the day of its first row. All arguments are `(n,)` of
    the test rows, `flagged` 1 where flagged.
    """
    rows = np.flatnonzero(is_attack)
    if not len(rows):
        return np.full(len(weights.blocks), np.nan)
    day = days[rows] - days[rows].min()
    span = int(day.max()) + 1
    part = Weightings(weights.places[rows], weights.blocks)
    seen = _trailing(part.grouped(day, span, None))
    caught = _trailing(part.grouped(day, span, flagged[rows].astype(np.float64)))
    is_detected = (seen > 0) & (caught >= DETECTED_SHARE * seen)
    first = is_detected.argmax(axis=1) + 1.0
    return np.where(is_detected.any(axis=1), first, np.nan)


def _trailing(by_day: np.ndarray) -> np.ndarray:
    total = np.cumsum(by_day, axis=1)
    before = np.zeros_like(total)
    before[:, TRAILING_DAYS:] = total[:, :-TRAILING_DAYS]
    return total - before
