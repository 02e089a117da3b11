"""Block bootstrap: blocks of rows are drawn again, not rows, for many metrics at once.

Installs of one publisher on one day are alike, and so are their errors. Rows drawn one by one
would take each for a witness of its own and give intervals that are too narrow. So whole blocks
are drawn with replacement, and a row weighs as often as its block was drawn: the cluster
bootstrap of Davison and Hinkley (1997), "Bootstrap Methods and their Application", section 3.8;
intervals are percentiles (Efron 1979).
"""

from dataclasses import dataclass

import numpy as np

RESAMPLES = 200
LEVEL = 0.95
# An interval from the resamples where a metric happens to be defined would hide the others.
MAX_UNDEFINED = 0.05
# Of fewer blocks no interval is told: the resamples would be a handful of values.
MIN_BLOCKS = 5


@dataclass(frozen=True)
class Weightings:
    """The rows' own weighting and every resample's.

    `places` `(n,)` is each row's block; `blocks` `(1 + resamples, blocks)` how often each block
    was drawn. Its first row is one everywhere: the estimate is what the metrics are under it.
    """

    places: np.ndarray
    blocks: np.ndarray

    @property
    def has_intervals(self) -> bool:
        return self.blocks.shape[1] >= MIN_BLOCKS

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Weighted sums `(1 + resamples, columns)` of the rows' `values` `(n, columns)`."""
        totals = np.zeros((self.blocks.shape[1], values.shape[1]))
        for column in range(values.shape[1]):
            totals[:, column] = np.bincount(
                self.places, weights=values[:, column], minlength=len(totals)
            )
        return self.blocks @ totals

    def grouped(self, groups: np.ndarray, count: int, values: np.ndarray | None) -> np.ndarray:
        """Weighted sums `(1 + resamples, count)` of `values` `(n,)` by group; None counts rows."""
        keys = self.places * count + groups
        size = self.blocks.shape[1] * count
        totals = np.bincount(keys, weights=values, minlength=size).reshape(-1, count)
        return self.blocks @ totals.astype(np.float64)


def weightings(blocks: np.ndarray, resamples: int, seed: int) -> Weightings:
    """Resamples of the blocks that `blocks` `(n,)` names; the same blocks and seed, the same."""
    names, places = np.unique(blocks, return_inverse=True)
    count = len(names)
    drawn = np.ones((1 + resamples, count))
    if count:
        rng = np.random.default_rng(seed)
        drawn[1:] = rng.multinomial(count, np.full(count, 1 / count), size=resamples)
    return Weightings(places, drawn)


@dataclass(frozen=True)
class Interval:
    """An estimate and the ends of its 95 % interval; None where undefined."""

    value: float | None
    low: float | None
    high: float | None


def interval(draws: np.ndarray, has_interval: bool = True, basic: bool = False) -> Interval:
    """The estimate `draws[0]` with an interval from the resamples `draws[1:]`.

    No interval where more than 5 % of the resamples are undefined. `basic` reflects the
    percentiles about the estimate (Davison and Hinkley 1997, section 5.2), for statistics that
    resampling itself makes greater, such as distances; they are not negative, and the interval
    is widened to hold the estimate.
    """
    value, drawn = draws[0], draws[1:]
    if np.isnan(value):
        return Interval(None, None, None)
    if not has_interval or not len(drawn) or np.isnan(drawn).mean() > MAX_UNDEFINED:
        return Interval(float(value), None, None)
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail])
    if basic:
        low, high = max(0.0, 2 * value - high), 2 * value - low
        low, high = min(low, value), max(high, value)
    return Interval(float(value), float(low), float(high))
