"""Features as one standardised matrix, for families that add or measure distances."""

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator

from clickward.models_ml.estimators.preparation.preprocessing import (
    CategoryShares,
    SignedLog,
    Standard,
    TargetRates,
    logit,
    probability,
)


class Dense(BaseEstimator):
    """Numbers and categories to `(n, columns)` without unknowns, mean 0 and deviation 1.

    Numbers: signed log, unknowns at the training median. With labels, an indicator stands beside
    each number that was ever unknown, and categories are the log-odds of their out-of-fold target
    rate. Without, categories are the negative log of their share of the training rows: rare ones
    lie far out. Columns stand as numbers, indicators, categories.
    """

    def __init__(self, is_supervised: bool = True, random_state: int = 0) -> None:
        self.is_supervised = is_supervised
        self.random_state = random_state

    def fit_transform(
        self, values: np.ndarray, categories: pl.DataFrame, y: np.ndarray | None = None
    ) -> np.ndarray:
        """Learn from numbers `(n, d)` with NaN, text columns and, where supervised, labels."""
        self.rows_ = len(values)
        self.logs_ = SignedLog().fit(values)
        if y is not None:
            self.rates_ = TargetRates(self.random_state)
            odds = logit(self.rates_.fit_transform(categories, y))
        else:
            self.shares_ = CategoryShares().fit(categories)
            odds = self._surprise(categories)
        columns = self._columns(values, odds)
        self.standard_ = Standard().fit(columns)
        return np.ascontiguousarray(self.standard_.transform(columns))

    def transform(self, values: np.ndarray, categories: pl.DataFrame) -> np.ndarray:
        """The columns `(n, columns)`, each row from itself alone."""
        if self.is_supervised:
            odds = logit(self.rates_.transform(categories))
        else:
            odds = self._surprise(categories)
        return np.ascontiguousarray(self.standard_.transform(self._columns(values, odds)))

    def probability(self, odds: np.ndarray) -> np.ndarray:
        """Log-odds `(n,)` as probabilities: as they were where an earlier version kept this."""
        return probability(odds) if self.standard_.is_bounded else 1 / (1 + np.exp(-odds))

    def fold(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shares of the columns as shares of the numbers and of the categories.

        An indicator's share is added to its number's.
        """
        d = len(self.logs_.medians_)
        numeric = shares[:, :d].copy()
        indicated = np.flatnonzero(self.logs_.has_unknown_ & self.is_supervised)
        numeric[:, indicated] += shares[:, d : d + len(indicated)]
        return numeric, shares[:, d + len(indicated) :]

    def _columns(self, values: np.ndarray, odds: np.ndarray) -> np.ndarray:
        logs = self.logs_.transform(values)
        if not self.is_supervised:
            return np.hstack([logs, odds])
        return np.hstack([logs, self.logs_.unknowns(values), odds])

    def _surprise(self, categories: pl.DataFrame) -> np.ndarray:
        # A category never seen counts as one seen half a time.
        shares = self.shares_.transform(categories)
        return -np.log(np.maximum(shares, 0.5 / max(self.rows_, 1)))
