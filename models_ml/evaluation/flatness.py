"""Scores that are nearly all equal: a model that tells no row from another has failed."""

from collections import Counter

import numpy as np

# Rows below which equal scores say nothing.
ENOUGH = 20
# At most one row in so many may differ from the others.
ONE_IN = 1000
# Values from which on too many differ for anything but more rows than are ever scored.
MANY = 100_000
# Kinds of family whose scores may be all equal: what others are compared with.
EXEMPT = ("baseline",)


class Spread:
    """How the scores of a run are spread, a batch at a time."""

    def __init__(self) -> None:
        self.rows = 0
        self.seen: Counter[float] = Counter()

    def add(self, scores: np.ndarray) -> None:
        """Take in scores `(n,)`; those that differ in the ninth digit only are one value."""
        self.rows += len(scores)
        if len(self.seen) < MANY:
            mantissa, exponent = np.frexp(np.asarray(scores, dtype=np.float64))
            rounded = np.ldexp(np.round(mantissa * 2**30) / 2**30, exponent)
            values, counts = np.unique(rounded, return_counts=True)
            self.seen.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))

    @property
    def failure(self) -> str | None:
        """What is wrong, in words; None where scores differ or rows are few."""
        if self.rows < ENOUGH or len(self.seen) >= MANY:
            return None
        ((value, count),) = self.seen.most_common(1)
        if (self.rows - count) * ONE_IN > self.rows:
            return None
        every = "every one" if count == self.rows else f"{count:,}"
        return f"the model failed: {every} of {self.rows:,} scores is {value:.6g}"


def failure_of(kind: str, scores: np.ndarray) -> str | None:
    """What is wrong with the scores `(n,)` of a family of this kind; baselines may be flat."""
    spread = Spread()
    spread.add(scores)
    return None if kind in EXEMPT else spread.failure
