"""Sequences of last events as flat rows of numbers, for networks."""

import re

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator

from clickward.models_ml.estimators.preparation.preprocessing import Standard, signed_log

NAME = re.compile(r"(?P<group>\w+?__last_\d+)_(?P<measure>\w+)")
CODE = "_code"
UNKNOWN_CODE = 64


class EventSequences(BaseEstimator):
    """List columns as `(n, columns)`: for each group its length, then event after event.

    Columns are of one group where their names begin alike (`<entity>__last_<K>`) and their lists
    are as long as each other in every training row: they tell of the same events. The latest
    `steps` events are kept, oldest first, and zeros fill what is missing. Of each event stand
    the numbers (signed log, standardised, unknown at the mean), as many indicators of unknown,
    then the codes of the columns whose measure names a `_code`, 0 to 63, 64 where unknown.
    """

    def __init__(self, steps: int = 16) -> None:
        self.steps = steps

    def fit(self, X: pl.DataFrame) -> "EventSequences":
        """Learn the groups and the numbers' scales."""
        self.groups_ = [self._sorted(group) for group in _groups(X)]
        self.scales_ = {}
        for numbers, _ in self.groups_:
            for name in numbers:
                values = signed_log(_elements(X[name]))
                known = values[~np.isnan(values)][:, None]
                self.scales_[name] = Standard().fit(known if len(known) else np.zeros((1, 1)))
        return self

    def transform(self, X: pl.DataFrame) -> np.ndarray:
        """Flat rows as float32, each from itself alone."""
        parts: list[np.ndarray] = []
        for numbers, codes in self.groups_:
            lengths = X[(numbers + codes)[0]].list.len().fill_null(0).to_numpy()
            lengths = np.minimum(lengths.astype(np.int64), self.steps)
            cells = [self._number(X[name]) for name in numbers]
            values = [np.where(np.isnan(cell), 0.0, cell) for cell in cells]
            is_there = np.arange(self.steps) < lengths[:, None]
            unknown = [np.isnan(cell) & is_there for cell in cells]
            events = np.stack([*values, *unknown, *(self._code(X[name]) for name in codes)], axis=2)
            parts += [lengths[:, None], events.reshape(X.height, -1)]
        return np.hstack(parts).astype(np.float32)

    def _sorted(self, group: list[str]) -> tuple[list[str], list[str]]:
        return (
            [name for name in group if CODE not in name],
            [name for name in group if CODE in name],
        )

    def _number(self, column: pl.Series) -> np.ndarray:
        scale = self.scales_[column.name]
        return scale.transform(signed_log(self._latest(column)))

    def _code(self, column: pl.Series) -> np.ndarray:
        codes = self._latest(column)
        is_known = (codes >= 0) & (codes < UNKNOWN_CODE)
        return np.where(is_known, codes, UNKNOWN_CODE)

    def _latest(self, column: pl.Series) -> np.ndarray:
        """The latest elements `(n, steps)`, oldest first, NaN after the last and where unknown."""
        lists = column.list.tail(self.steps)
        lengths = lists.list.len().fill_null(0).to_numpy().astype(np.int64)
        cells = np.full((len(column), self.steps), np.nan)
        cells[np.arange(self.steps) < lengths[:, None]] = _elements(lists)
        return cells


def _elements(column: pl.Series) -> np.ndarray:
    """All elements of all lists in order, NaN where unknown or infinite."""
    filled = column.filter(column.list.len().fill_null(0) > 0)
    values = filled.explode().cast(pl.Float64).fill_null(np.nan).to_numpy().copy()
    values[~np.isfinite(values)] = np.nan
    return values


def _groups(X: pl.DataFrame) -> list[list[str]]:
    """The columns by the events they tell of, in the order of `X`."""
    groups: dict[tuple[str, bytes], list[str]] = {}
    for column in X.iter_columns():
        found = NAME.fullmatch(column.name)
        begins = found["group"] if found else column.name
        lengths = column.list.len().fill_null(0).to_numpy().astype(np.int64).tobytes()
        groups.setdefault((begins, lengths), []).append(column.name)
    return list(groups.values())
