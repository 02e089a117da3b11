"""Population-stability index between two samples, with the limit that chance alone reaches."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from clickward.models_ml.evaluation.bootstrap import Weightings

BINS = 10
# Of values that mean the same, this share of resampled indices stays below the limit.
LIMIT_LEVEL = 0.95
MAX_CATEGORIES = 50


@dataclass(frozen=True)
class Shift:
    """The index under each weighting, `(1 + resamples,)`, and its limit."""

    draws: np.ndarray
    limit: float


def codes_of(before: pl.Series, after: pl.Series) -> tuple[np.ndarray, np.ndarray, int]:
    """Bins of two samples of one feature and their number; the bins are those of `before`.

    Numbers: ten bins of equal mass. Categories: the fifty most frequent, the rest together.
    Unknown is a bin of its own.
    """
    if before.dtype == pl.String:
        counts = before.drop_nulls().value_counts(sort=True, name="rows")
        names = counts.sort("rows", counts.columns[0], descending=[True, False])[:, 0]
        known = names.head(MAX_CATEGORIES)
        places = pl.Series(np.arange(len(known)))
        rest, unknown = len(known), len(known) + 1

        def code(column: pl.Series) -> np.ndarray:
            found = column.replace_strict(known, places, default=rest, return_dtype=pl.Int64)
            return np.where(column.is_null().to_numpy(), unknown, found.to_numpy())

        return code(before), code(after), unknown + 1
    old, new = (_numbers(column) for column in (before, after))
    finite = old[~np.isnan(old)]
    edges = np.unique(np.quantile(finite, np.arange(1, BINS) / BINS)) if len(finite) else finite
    unknown = len(edges) + 1
    binned = [
        np.where(np.isnan(values), unknown, np.searchsorted(edges, values, side="left"))
        for values in (old, new)
    ]
    return binned[0], binned[1], unknown + 1


def _numbers(column: pl.Series) -> np.ndarray:
    values = column.cast(pl.Float64).fill_null(np.nan).to_numpy().copy()
    values[~np.isfinite(values)] = np.nan
    return values


def stability_index(
    before: np.ndarray,
    after: np.ndarray,
    bins: int,
    weights: Weightings,
    blocks: tuple[np.ndarray, np.ndarray],
    seed: int,
) -> Shift:
    """The index of two samples' bins; `weights` and `blocks` are of `before`, then `after`.

    sum over bins of (p - q) ln(p / q) (Siddiqi 2006, "Credit Risk Scorecards"), half a row added
    to each bin. Its fixed limits 0.1 and 0.25 mean nothing at n = 100 or a million (Yurdakul and
    Naranjo 2020, "Statistical properties of the population stability index"). The limit here is
    the 95 % point of the index when whole blocks are dealt to the two samples at random.
    """
    codes = np.concatenate([before, after])
    is_after = np.repeat([False, True], [len(before), len(after)])
    old = weights.grouped(codes, bins, (~is_after).astype(np.float64))
    new = weights.grouped(codes, bins, is_after.astype(np.float64))
    return Shift(_index(old, new), _limit(codes, bins, np.concatenate(blocks), is_after, seed, old))


def _limit(
    codes: np.ndarray,
    bins: int,
    blocks: np.ndarray,
    is_after: np.ndarray,
    seed: int,
    like: np.ndarray,
) -> float:
    names, places = np.unique(blocks, return_inverse=True)
    counts = np.bincount(places * bins + codes, minlength=len(names) * bins)
    counts = counts.reshape(-1, bins).astype(np.float64)
    later = len(np.unique(places[is_after]))
    if later in (0, len(names)):
        return float("nan")
    rng = np.random.default_rng(seed)
    order = rng.random((max(len(like) - 1, 1), len(names))).argsort(axis=1)
    dealt = np.zeros(order.shape)
    np.put_along_axis(dealt, order[:, :later], 1.0, axis=1)
    new = dealt @ counts
    return float(np.quantile(_index(counts.sum(axis=0) - new, new), LIMIT_LEVEL))


def _index(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    p, q = old + 0.5, new + 0.5
    p, q = p / p.sum(axis=1, keepdims=True), q / q.sum(axis=1, keepdims=True)
    return ((p - q) * np.log(p / q)).sum(axis=1)
