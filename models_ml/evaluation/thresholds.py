"""Choosing thresholds by money, by false positives or by reviewers, on the model's own holdout."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from clickward.models_ml.dataset.stretch import stretch_of
from clickward.models_ml.evaluation.economics import Costs, Payoffs, net_saved, uniform
from clickward.models_ml.evaluation.metrics import BALANCED, balanced_threshold, threshold_at_fpr
from clickward.warehouse.durations import UNITS
from clickward.warehouse.errors import UsageError, UserError

FILE = "holdout.parquet"
MONEY, FPR, CAPACITY = "money", "fpr", "capacity"
WAYS = (MONEY, FPR, CAPACITY, BALANCED)
_CAPACITY = re.compile(r"(\d+)/(hour|day|week|h|d|w)")


@dataclass(frozen=True)
class Holdout:
    """Scores `(n,)` of the twin on the last fifth of training, with labels and times.

    In order of (time, id), as in the snapshot. No id is kept.
    """

    scores: np.ndarray
    y: np.ndarray
    times: np.ndarray

    @property
    def days(self) -> float:
        """The days over which its events lie; strays do not stretch them."""
        found = stretch_of(self.times)
        return max(float((found.last - found.first) / np.timedelta64(1, "ms")) / 86_400_000, 1e-9)

    def save(self, folder: Path) -> None:
        """Write `holdout.parquet`."""
        frame = pl.DataFrame({"score": self.scores, "label": self.y, "event_at": self.times})
        frame.write_parquet(folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> "Holdout":
        """The holdout saved in `folder`. Raises `UserError` where the model has none."""
        if not (folder / FILE).is_file():
            raise UserError(
                "this model was trained before holdouts were kept: nothing to choose on",
                "train it again with another --seed",
            )
        frame = pl.read_parquet(folder / FILE)
        return cls(*(frame[name].to_numpy() for name in ("score", "label", "event_at")))


@dataclass(frozen=True)
class Choice:
    """A threshold, what it is called, and what it was chosen from."""

    name: str
    threshold: float
    basis: dict[str, Any] = field(default_factory=dict)
    max_false_positive_rate: float | None = None


def by_money(holdout: Holdout, payoffs: Payoffs) -> Choice:
    """The threshold with the greatest net saving; of equals the highest.

    Net saving: frauds stopped x payout - false positives x (payout + dispute cost) - reviews, over
    the rows whose amounts are known in one currency; the basis counts the others. Raises
    `UserError` where flagging nobody saves most, or where no amount is known.
    """
    unknown = payoffs.unconverted
    if unknown and not np.nansum(payoffs.payout) > 0:
        raise UserError(
            f"no rate converts what the holdout pays into {payoffs.currency}",
            "fill dbt_project/seeds/exchange_rates.csv, then run `clickward build`",
        )
    gain = net_saved(payoffs, holdout.y == 1, np.ones(len(holdout.y)))
    order = np.argsort(-holdout.scores, kind="stable")
    falling = holdout.scores[order]
    saved = np.cumsum(gain[order])
    is_last = np.append(falling[1:] != falling[:-1], True)
    best = int(np.argmax(np.where(is_last, saved, -np.inf)))
    if saved[best] <= 0:
        raise UserError(
            "no threshold saves money on the holdout: every one costs more than it stops",
            "check --payout, --dispute-cost and --review-cost, or choose --by capacity",
        )
    return _choice(
        MONEY, float(falling[best]), holdout, net_saved=round(float(saved[best]), 2),
        currency=payoffs.currency, unconverted=unknown,
    )  # fmt: skip


def by_rate(holdout: Holdout, rate: float) -> Choice:
    """The lowest threshold at which at most `rate` of the negatives are flagged."""
    if not 0 < rate < 1:
        raise UsageError(f"--fpr {rate} is not between 0 and 1", "write --fpr 0.005 for 0.5 %")
    threshold = threshold_at_fpr(holdout.scores[holdout.y == 0], rate)
    if threshold is None:
        raise UserError("the holdout has no negatives to measure a rate on")
    name = f"fpr_{100 * rate:g}pct"
    return _choice(name, threshold, holdout, max_false_positive_rate=rate)


def by_capacity(holdout: Holdout, capacity: str) -> Choice:
    """The lowest threshold that flags no more than reviewers can look at, on average.

    `capacity` is such as `200/day`, `10/hour`, `1000/week`.
    """
    found = _CAPACITY.fullmatch(capacity.strip())
    if found is None or not int(found[1]):
        raise UsageError(f"{capacity!r} is no capacity", "write it like 200/day or 1000/week")
    per_day = int(found[1]) * (timedelta(days=1) / UNITS[found[2][0]])
    threshold = threshold_at_fpr(holdout.scores, min(per_day * holdout.days / len(holdout.y), 1))
    assert threshold is not None  # a holdout has rows
    days = np.unique(holdout.times[holdout.scores >= threshold].astype("datetime64[D]"),
                     return_counts=True)[1]  # fmt: skip
    return _choice(
        CAPACITY, threshold, holdout, capacity=capacity, busiest_day=int(days.max(initial=0))
    )


def by_balance(holdout: Holdout) -> Choice:
    """The threshold with the greatest recall squared over share flagged."""
    threshold = balanced_threshold(holdout.scores, holdout.y)
    if threshold is None:
        raise UserError("the holdout has no positives to weigh recall on")
    return _choice(BALANCED, threshold, holdout)


def choose(
    holdout: Holdout,
    by: str,
    payoffs: Payoffs | None = None,
    rate: float | None = None,
    capacity: str | None = None,
) -> Choice:
    """A threshold by one of `WAYS`. Raises `UsageError` where what it needs is missing."""
    if by not in WAYS:
        raise UsageError(f"no way {by!r} to choose", f"--by takes {', '.join(WAYS)}")
    if by == MONEY:
        return by_money(holdout, payoffs or uniform(len(holdout.y), Costs()))
    if by == FPR:
        if rate is None:
            raise UsageError("--by fpr needs a rate", "write --fpr 0.005 for 0.5 %")
        return by_rate(holdout, rate)
    if by == CAPACITY:
        if capacity is None:
            raise UsageError("--by capacity needs one", "write --capacity 200/day")
        return by_capacity(holdout, capacity)
    return by_balance(holdout)


def _choice(
    name: str,
    threshold: float,
    holdout: Holdout,
    max_false_positive_rate: float | None = None,
    **facts: Any,
) -> Choice:
    """The choice with what it does on the holdout: flagged, frauds among them, and per day."""
    flagged = holdout.scores >= threshold
    caught = int((flagged & (holdout.y == 1)).sum())
    basis = {
        "holdout_rows": len(holdout.y),
        "holdout_positives": int(holdout.y.sum()),
        "flagged": int(flagged.sum()),
        "flagged_positives": caught,
        "flagged_per_day": round(float(flagged.sum()) / holdout.days, 2),
        **facts,
    }
    return Choice(name, threshold, basis, max_false_positive_rate)
