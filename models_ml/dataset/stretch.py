"""Where the rows are: the stretch of time that holds them, without strays at its ends.

A device with a broken clock sends a row of 1970 or 2030. Windows cut out of the whole span from the
first row to the last would then hold one row, or none.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

HOUR = np.timedelta64(1, "h")
DAY = np.timedelta64(1, "D")
# Rows are strays where at most this share of all lies beyond a gap ...
STRAY_SHARE = 0.05
# ... that is longer than a day, and than this share of the time in which the others lie.
GAP_SHARE = 0.1


@dataclass(frozen=True)
class Stretch:
    """The first and the last time of the rows that are no strays, and how many are."""

    first: np.datetime64
    last: np.datetime64
    strays: int


@dataclass(frozen=True)
class Buckets:
    """Rows gathered by time: first and last time `(n,)` and number of rows of each, in order."""

    first: np.ndarray
    last: np.ndarray
    rows: np.ndarray


def stretch_of(times: np.ndarray) -> Stretch:
    """The stretch of event times `(n,)`, in any order; `n` is one at least."""
    return find_stretch(gather([np.sort(times)]))


def gather(parts: Iterable[np.ndarray]) -> Buckets:
    """Rising times `(n,)`, given in parts, by the hour."""
    first, last, rows = [], [], []
    for part in parts:
        stamps = part.astype("datetime64[ms]")
        starts = np.flatnonzero(np.diff(stamps.astype("datetime64[h]"), prepend=stamps[:1] - HOUR))
        ends = np.append(starts[1:], len(stamps))
        first.append(stamps[starts])
        last.append(stamps[ends - 1])
        rows.append(ends - starts)
    return Buckets(np.concatenate(first), np.concatenate(last), np.concatenate(rows))


def find_stretch(buckets: Buckets, from_start: bool = True, to_end: bool = True) -> Stretch:
    """The stretch that is left when strays before it (`from_start`) and after it are cut off."""
    low, high = 0, len(buckets.rows) - 1
    before = np.cumsum(buckets.rows)
    total = int(before[-1])
    few = STRAY_SHARE * total
    gaps = buckets.first[1:] - buckets.last[:-1]
    while True:
        cut = low, high
        for gap in range(high - 1, low - 1, -1) if from_start else ():
            rest = buckets.last[high] - buckets.first[gap + 1]
            if before[gap] <= few and gaps[gap] > max(DAY, rest * GAP_SHARE):
                low = gap + 1
                break
        for gap in range(low, high) if to_end else ():
            rest = buckets.last[gap] - buckets.first[low]
            if total - before[gap] <= few and gaps[gap] > max(DAY, rest * GAP_SHARE):
                high = gap
                break
        if cut == (low, high):
            kept = int(buckets.rows[low : high + 1].sum())
            return Stretch(buckets.first[low], buckets.last[high], total - kept)
