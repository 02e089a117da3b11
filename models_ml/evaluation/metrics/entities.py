"""Precision at k per day: of the k entities ranked worst each day, how many are bad."""

from dataclasses import dataclass

import numpy as np

from clickward.models_ml.evaluation.bootstrap import Weightings

# An entity is bad on a day on which at least this share of its subjects are positive.
BAD_SHARE = 0.5


@dataclass(frozen=True)
class EntityDays:
    """One row per entity and day, the days one after the other, each from the worst rank down.

    `positions` point into the rows sorted by entity and day, `starts` say where each begins
    there; `blocks` is the bootstrap block it lies in, and `days` hold the bounds of each day.
    """

    order: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    ranked: np.ndarray
    blocks: np.ndarray
    days: np.ndarray

    def __len__(self) -> int:
        return len(self.sizes)


def entity_days(
    scores: np.ndarray, codes: np.ndarray, days: np.ndarray, weights: Weightings
) -> EntityDays:
    """Entities by day, ranked by the mean score of their subjects; ties by their number.

    `codes` `(n,)` name the rows' entities, negative where unknown: those rows are left out. An
    entity's rows of a day must lie in one bootstrap block.
    """
    rows = np.flatnonzero(codes >= 0)
    order = rows[np.lexsort((codes[rows], days[rows]))]
    changes = (np.diff(codes[order]) != 0) | (np.diff(days[order]) != 0)
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1]) if len(order) else order
    sizes = np.diff(np.append(starts, len(order)))
    means = np.add.reduceat(scores[order], starts) / sizes if len(starts) else np.zeros(0)
    first = order[starts]
    ranked = np.lexsort((codes[first], -sizes, -means, days[first]))
    by_day = days[first][ranked]
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(by_day)) + 1, [len(by_day)]])
    return EntityDays(order, starts, sizes, ranked, weights.places[first][ranked], bounds)


def precision_at_k(
    entities: EntityDays, is_positive: np.ndarray, weights: Weightings, k: int
) -> np.ndarray:
    """Mean over days of the bad share among the k worst ranked, `(1 + resamples,)`.

    Fraud Detection Handbook's card precision top-k, for publishers: here an entity is bad on a
    day on which at least half of its subjects are positive, since every large publisher has
    some fraud every day. A day with fewer than k entities counts those it has.
    """
    if not len(entities):
        return np.full(len(weights.blocks), np.nan)
    positives = np.add.reduceat(is_positive[entities.order].astype(np.float64), entities.starts)
    is_bad = (positives / entities.sizes >= BAD_SHARE)[entities.ranked]
    drawn = weights.blocks[:, entities.blocks]
    precisions = []
    for begin, end in zip(entities.days[:-1], entities.days[1:], strict=True):
        day = drawn[:, begin:end]
        before = np.cumsum(day, axis=1) - day
        taken = np.clip(k - before, 0, day)
        with np.errstate(invalid="ignore"):
            precisions.append((taken @ is_bad[begin:end]) / taken.sum(axis=1))
    by_day = np.array(precisions)
    has_any = ~np.isnan(by_day)
    with np.errstate(invalid="ignore"):
        return np.where(has_any, by_day, 0).sum(axis=0) / has_any.sum(axis=0)
