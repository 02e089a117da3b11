"""One model's scores on one test window, measured on every segment with intervals."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from models_ml.bootstrap import bootstrap
from models_ml.metrics import THRESHOLDS, Ranking, Segment, measure, segment

KNOWN, MATURED, TRUE = "known", "matured", "true"
OVERALL = -1


@dataclass(frozen=True)
class Labels:
    """Labels `(n,)` of test rows by segment; `attacks` holds the true attack, null if honest."""

    known: np.ndarray
    matured: np.ndarray
    attacks: pl.Series | None

    def segments(self, ranking: Ranking) -> list[Segment]:
        """known, matured and, where truth is loaded, true and one for each attack."""
        found = [segment(KNOWN, ranking, self.known == 1)]
        found.append(segment(MATURED, ranking, self.matured == 1))
        if self.attacks is not None:
            is_true = self.attacks.is_not_null().to_numpy()
            found.append(segment(TRUE, ranking, is_true))
            for attack in self.attacks.drop_nulls().unique().sort():
                rows = (self.attacks == attack).fill_null(False).to_numpy()
                found.append(segment(f"{TRUE}:{attack}", ranking, rows, recall_only=True))
        return found


@dataclass(frozen=True)
class Scored:
    """A model's scores `(n,)` on test rows, and which of them each threshold flags.

    A threshold that could not be set has no entry in `flags`; its metrics are undefined.
    """

    scores: np.ndarray
    labels: Labels
    flags: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Measurement:
    """One metric of one segment; None where undefined."""

    segment: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n: int


def flag(scores: np.ndarray, thresholds: dict[str, float | None]) -> dict[str, np.ndarray]:
    """Flagged rows `(n,)` by threshold, for the thresholds that are set."""
    return {
        name: (scores >= threshold).astype(np.float64)
        for name, threshold in thresholds.items()
        if threshold is not None
    }


def evaluate(scored: Scored, resamples: int, seed: int) -> list[Measurement]:
    """Every metric of every segment with its bootstrap interval.

    With one seed, two models' intervals come from the same resamples of the same rows.
    """
    n = len(scored.scores)
    ranking = Ranking(scored.scores)
    segments = scored.labels.segments(ranking)
    flags = {name: flagged[ranking.order] for name, flagged in scored.flags.items()}

    def resample(counts: np.ndarray) -> np.ndarray:
        return measure(ranking, segments, flags, counts[ranking.order])

    values = resample(np.ones(n))
    low, high = bootstrap(resample, n, resamples, seed)
    found: list[Measurement] = []
    place = 0
    for part in segments:
        rows = len(part.rows) if part.recall_only else n
        names = part.metric_names(list(flags))
        for metric in names:
            value, lower, upper = (_defined(array[place]) for array in (values, low, high))
            found.append(Measurement(part.name, metric, value, lower, upper, rows))
            place += 1
        found += [
            Measurement(part.name, metric, None, None, None, rows)
            for metric in part.metric_names(THRESHOLDS)
            if metric not in names
        ]
    return found


def unmeasured(labels: Labels) -> list[Measurement]:
    """Rows for a model that could not be fitted: every value undefined, nothing hidden."""
    n = len(labels.known)
    return [
        Measurement(part.name, metric, None, None, None, len(part.rows) if part.recall_only else n)
        for part in labels.segments(Ranking(np.zeros(n)))
        for metric in part.metric_names(THRESHOLDS)
    ]


def pool(parts: Iterable[Scored]) -> Scored:
    """All folds of a model together: raw scores, and the flags each fold's threshold gave.

    A threshold missing in one fold is missing in all.
    """
    folds = list(parts)
    attacks = [fold.labels.attacks for fold in folds if fold.labels.attacks is not None]
    labels = Labels(
        np.concatenate([fold.labels.known for fold in folds]),
        np.concatenate([fold.labels.matured for fold in folds]),
        pl.concat(attacks) if attacks else None,
    )
    shared = [name for name in folds[0].flags if all(name in fold.flags for fold in folds)]
    flags = {name: np.concatenate([fold.flags[name] for fold in folds]) for name in shared}
    return Scored(np.concatenate([fold.scores for fold in folds]), labels, flags)


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
