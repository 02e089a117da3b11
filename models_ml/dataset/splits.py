"""Prequential folds: train, wait for the labels, test on what came next, step forward."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from clickward.warehouse.durations import UNITS, about, format_duration
from clickward.warehouse.errors import UsageError, UserError

# Spans from here on take the customary windows; shorter ones take shares of themselves.
LONG_SPAN = timedelta(days=12)


@dataclass(frozen=True)
class Fold:
    """One fold's windows, half-open, in UTC; the gap between them is the label delay."""

    number: int
    train_from: np.datetime64
    train_to: np.datetime64
    test_from: np.datetime64
    test_to: np.datetime64

    def train_rows(self, times: np.ndarray) -> np.ndarray:
        """Positions of the training rows."""
        return np.flatnonzero((times >= self.train_from) & (times < self.train_to))

    def test_rows(self, times: np.ndarray) -> np.ndarray:
        """Positions of the test rows."""
        return np.flatnonzero((times >= self.test_from) & (times < self.test_to))


@dataclass(frozen=True)
class PrequentialSplit:
    """Folds anchored at the first event: train `[a, a + train)`, test after the delay.

    A scikit-learn splitter: pass event times (`datetime64`, any order) as `groups`, or as `X`
    where there is nothing else to pass. The last test window may end after the last event as
    long as the events reach `min_reach` of it, so that a span that lacks a second is whole.
    The protocol follows the Fraud Detection Handbook's prequential validation.
    """

    train: timedelta
    delay: timedelta
    test: timedelta
    step: timedelta
    min_reach: float = 0.99

    def __post_init__(self) -> None:
        for name in ("train", "test", "step"):
            if getattr(self, name) <= timedelta():
                raise UsageError(f"--{name} must be longer than nothing")

    def folds(self, times: np.ndarray) -> list[Fold]:
        """The folds that fit. Raises `UserError` naming the span where none does."""
        stamps = np.asarray(times).astype("datetime64[ms]")
        if not len(stamps):
            raise UserError("there are no events to split")
        first, last = stamps.min(), stamps.max()
        train, delay, test, step = (
            np.timedelta64(part // UNITS["ms"], "ms")
            for part in (self.train, self.delay, self.test, self.step)
        )
        found: list[Fold] = []
        start = first
        while (last - (start + train + delay)) / test >= self.min_reach:
            opened = start + train + delay
            found.append(Fold(len(found), start, start + train, opened, opened + test))
            start = start + step
        if not found:
            span = timedelta(milliseconds=int((last - first).astype(int)))
            raise UserError(
                f"no fold fits: the events span {about(span)} ({first} to {last}), a fold of"
                f" {self} needs {about(self.train + self.delay + self.test)}",
                "choose shorter --train, --delay or --test, or leave them out",
            )
        return found

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Training and test positions of each fold."""
        times = self._times(X, groups)
        for fold in self.folds(times):
            yield fold.train_rows(times), fold.test_rows(times)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """How many folds these times allow."""
        return len(self.folds(self._times(X, groups)))

    @staticmethod
    def _times(X: Any, groups: Any) -> np.ndarray:
        times = np.asarray(X if groups is None else groups)
        if times.ndim != 1 or times.dtype.kind != "M":
            raise ValueError(f"expected event times as datetime64 (n,), found {times.dtype}")
        return times.astype("datetime64[ms]")

    def __str__(self) -> str:
        parts = (self.train, self.delay, self.test, self.step)
        words = [format_duration(part) for part in parts]
        return "train {}, delay {}, test {}, step {}".format(*words)


def choose_windows(
    span: timedelta,
    train: timedelta | None = None,
    delay: timedelta | None = None,
    test: timedelta | None = None,
    step: timedelta | None = None,
) -> PrequentialSplit:
    """The windows given, the others chosen to fit `span`.

    From 12 days on: train 7 d, delay 3 d, and the rest in up to six test windows of whole days.
    Shorter spans: train 60 %, delay 10 %, the rest in three test windows. Tests do not overlap
    unless `step` says so.
    """
    long = span >= LONG_SPAN
    if train is None:
        train = timedelta(days=7) if long else _rounded(span * 0.6)
    if delay is None:
        delay = timedelta(days=3) if long else _rounded(span * 0.1)
    if test is None:
        left = max(span - train - delay, timedelta(milliseconds=1))
        day = timedelta(days=1)
        test = max(day, left / 6 // day * day) if long else _rounded(left / 3)
    return PrequentialSplit(train, delay, test, test if step is None else step)


def _rounded(duration: timedelta) -> timedelta:
    """Down to whole hours, minutes, seconds or milliseconds: the largest that leaves something."""
    for unit in ("h", "m", "s"):
        if duration >= UNITS[unit]:
            return duration // UNITS[unit] * UNITS[unit]
    return max(duration // UNITS["ms"], 1) * UNITS["ms"]


def to_datetime(stamp: np.datetime64) -> datetime:
    """An instant of a fold as a datetime in UTC."""
    return stamp.astype("datetime64[ms]").item().replace(tzinfo=UTC)
