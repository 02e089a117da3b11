"""One model's scores on test rows, measured on every segment with block-bootstrap intervals."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from clickward.models_ml.evaluation.bootstrap import Weightings, interval, weightings
from clickward.models_ml.evaluation.economics import Payoffs, net_saved
from clickward.models_ml.evaluation.metrics.calibration_error import calibration_error
from clickward.models_ml.evaluation.metrics.detection import days_to_detect
from clickward.models_ml.evaluation.metrics.entities import EntityDays, entity_days, precision_at_k
from clickward.models_ml.evaluation.metrics.ranking import Ranking, cumulated, ranked
from clickward.models_ml.evaluation.metrics.thresholds import THRESHOLDS

KNOWN, MATURED, TRUE, UNSEEN = "known", "matured", "true", "unseen"
OVERALL = -1
TOP = 10
# Cells of a matrix of resamples by rows held at a time.
CHUNK = 4_000_000


@dataclass(frozen=True)
class Part:
    """A segment of the test rows: who is positive in it, by which reading of the labels.

    An attack's segment measures recall only: anything else would mix it with other attacks.
    """

    name: str
    labels: str
    is_positive: np.ndarray
    recall_only: bool = False

    @property
    def n(self) -> int:
        return int(self.is_positive.sum()) if self.recall_only else len(self.is_positive)


@dataclass(frozen=True)
class Labels:
    """Labels `(n,)` of test rows by reading, and the attack behind each, null if honest.

    `attacks` is the truth where it is loaded; `named` is what verdicts call it, where it is not.
    `unseen` marks the rows of attacks that training never saw.
    """

    known: np.ndarray
    matured: np.ndarray
    attacks: pl.Series | None
    named: pl.Series | None = None
    unseen: np.ndarray | None = None

    def parts(self) -> Iterator[Part]:
        """known, matured, true where truth is loaded, each attack, and what was unseen."""
        yield Part(KNOWN, KNOWN, self.known == 1)
        yield Part(MATURED, MATURED, self.matured == 1)
        reading, attacks = MATURED, self.named
        if self.attacks is not None:
            reading, attacks = TRUE, self.attacks
            yield Part(TRUE, TRUE, attacks.is_not_null().to_numpy())
        if attacks is None:
            return
        unseen = np.zeros(len(attacks), dtype=bool) if self.unseen is None else self.unseen
        if unseen.any():
            yield Part(UNSEEN, reading, unseen, recall_only=True)
        for attack in attacks.drop_nulls().unique().sort():
            rows = (attacks == attack).fill_null(False).to_numpy()
            yield Part(f"{reading}:{attack}", reading, rows, recall_only=True)
            if (rows & unseen).any():
                yield Part(f"{UNSEEN}:{attack}", reading, rows & unseen, recall_only=True)


@dataclass(frozen=True)
class Rows:
    """What test rows are beside scores and labels, all `(n,)`.

    `blocks` are the bootstrap's (day and publisher), `days` whole numbers, `entities` codes by
    kind, negative where unknown, and `payoffs` what flagging each is worth.
    """

    blocks: np.ndarray
    days: np.ndarray
    entities: dict[str, np.ndarray] = field(default_factory=dict)
    payoffs: Payoffs | None = None

    def take(self, rows: np.ndarray) -> "Rows":
        """The same of some rows, by position."""
        return Rows(
            self.blocks[rows],
            self.days[rows],
            {kind: codes[rows] for kind, codes in self.entities.items()},
            None if self.payoffs is None else self.payoffs.take(rows),
        )


@dataclass(frozen=True)
class Scored:
    """A model's scores `(n,)` on test rows, and which of them each threshold flags.

    A threshold that could not be set has no entry in `flags`; its metrics are undefined. Without
    `rows` every row is a block of its own and all rows are of one day.
    """

    scores: np.ndarray
    labels: Labels
    flags: dict[str, np.ndarray] = field(default_factory=dict)
    rows: Rows | None = None
    is_calibrated: bool = False

    @property
    def known_rows(self) -> Rows:
        n = len(self.scores)
        return Rows(np.arange(n), np.zeros(n, dtype=np.int64)) if self.rows is None else self.rows


@dataclass(frozen=True)
class Measurement:
    """One metric of one segment; None where undefined. `labels` is the reading it takes."""

    segment: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    labels: str = ""


def flag(scores: np.ndarray, thresholds: dict[str, float | None]) -> dict[str, np.ndarray]:
    """Flagged rows `(n,)` by threshold, for the thresholds that are set."""
    return {
        name: (scores >= threshold).astype(np.float64)
        for name, threshold in thresholds.items()
        if threshold is not None
    }


def evaluate(scored: Scored, resamples: int, seed: int, top: int = TOP) -> list[Measurement]:
    """Every metric of every segment with its interval.

    With one seed, two models' intervals come from the same resamples of the same blocks.
    """
    rows = scored.known_rows
    weights = weightings(rows.blocks, resamples, seed)
    parts = list(scored.labels.parts())
    ranks = _ranks(scored.scores, parts, weights)
    entities = {
        kind: entity_days(scored.scores, codes, rows.days, weights)
        for kind, codes in rows.entities.items()
    }
    found: list[Measurement] = []
    for part in parts:
        for metric, draws, n in _draws(scored, rows, part, weights, ranks, entities, top):
            ends = interval(draws, weights.has_intervals, basic=metric == "calibration_error")
            found.append(
                Measurement(part.name, metric, ends.value, ends.low, ends.high, n, part.labels)
            )
    return found


Draws = tuple[str, np.ndarray, int]


def _draws(
    scored: Scored,
    rows: Rows,
    part: Part,
    weights: Weightings,
    ranks: dict[str, tuple[np.ndarray, np.ndarray]],
    entities: dict[str, EntityDays],
    top: int,
) -> Iterator[Draws]:
    """Each metric's name, values under every weighting, and on how many rows it rests."""
    n = part.n
    undefined = np.full(len(weights.blocks), np.nan)
    if not part.recall_only:
        yield "average_precision", ranks[part.name][0], n
        yield "roc_auc", ranks[part.name][1], n
    for name in dict.fromkeys([*THRESHOLDS, *scored.flags]):
        flagged = scored.flags.get(name)
        if flagged is None:
            yield from ((metric, undefined, n) for metric in _flag_metrics(name, part, rows))
        else:
            yield from _flagged(name, flagged, part, rows, weights)
    if not part.recall_only:
        for kind, ranked_days in entities.items():
            draws = precision_at_k(ranked_days, part.is_positive, weights, top)
            yield f"precision_at_{top}_{kind}", draws, len(ranked_days)
        if scored.is_calibrated:
            is_positive = part.is_positive.astype(np.float64)
            yield "calibration_error", calibration_error(scored.scores, is_positive, weights), n
    yield "positives", weights.sums(part.is_positive[:, None].astype(np.float64))[:, 0], n


def _flagged(
    name: str, flagged: np.ndarray, part: Part, rows: Rows, weights: Weightings
) -> Iterator[Draws]:
    positive = part.is_positive.astype(np.float64)
    columns = np.column_stack([positive, flagged, positive * flagged, np.ones(len(flagged))])
    positives, flags, caught, total = weights.sums(columns).T
    n = part.n
    yield f"recall_at_{name}", _ratio(caught, positives), n
    if part.recall_only:
        found = days_to_detect(rows.days, part.is_positive, flagged, weights)
        yield f"days_to_detect_{name}", found, n
        return
    yield f"fpr_reached_{name}", _ratio(flags - caught, total - positives), n
    yield f"precision_at_{name}", _ratio(caught, flags), n
    if rows.payoffs is not None:
        saved = net_saved(rows.payoffs, part.is_positive, flagged)
        yield f"net_saved_at_{name}", weights.sums(saved[:, None])[:, 0], n


def _flag_metrics(name: str, part: Part, rows: Rows) -> list[str]:
    if part.recall_only:
        return [f"recall_at_{name}", f"days_to_detect_{name}"]
    names = [f"recall_at_{name}", f"fpr_reached_{name}", f"precision_at_{name}"]
    return names + ([] if rows.payoffs is None else [f"net_saved_at_{name}"])


def _ranks(
    scores: np.ndarray, parts: list[Part], weights: Weightings
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Average precision and ROC AUC of each part under every weighting, some at a time."""
    ranking = Ranking(scores)
    places = weights.places[ranking.order]
    whole = {
        part.name: ranking.positions(part.is_positive) for part in parts if not part.recall_only
    }
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in whole}
    step = max(1, CHUNK // max(len(scores), 1))
    for begin in range(0, len(weights.blocks), step):
        drawn = weights.blocks[begin : begin + step][:, places]
        total = cumulated(drawn)
        for name, positives in whole.items():
            found[name].append(ranked(ranking, positives, drawn, total))
    return {
        name: (
            np.concatenate([part[0] for part in chunks]),
            np.concatenate([part[1] for part in chunks]),
        )
        for name, chunks in found.items()
    }


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)


def unmeasured(
    labels: Labels, rows: Rows | None = None, is_calibrated: bool = False, top: int = TOP
) -> list[Measurement]:
    """Rows for a model that could not be fitted: every value undefined, nothing hidden."""
    scored = Scored(np.zeros(len(labels.known)), labels, {}, rows, is_calibrated)
    return [
        Measurement(m.segment, m.metric, None, None, None, m.n, m.labels)
        for m in evaluate(scored, 0, 0, top)
    ]
