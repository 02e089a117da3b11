"""From features with unknowns and categories to matrices, fitted on training rows only."""

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import TargetEncoder

UNSEEN = -1
UNKNOWN = -2
FOLDS = 5


def numbers(X: pl.DataFrame) -> np.ndarray:
    """Numeric columns as float64 `(n, d)`; null and infinite become NaN."""
    if not X.width:
        return np.empty((X.height, 0))
    values = np.column_stack(
        [column.cast(pl.Float64).fill_null(np.nan).to_numpy() for column in X.iter_columns()]
    )
    values[~np.isfinite(values)] = np.nan
    return values


def single(values: np.ndarray) -> np.ndarray:
    """The same numbers as float32; those beyond its range take its ends."""
    ends = np.finfo(np.float32)
    return np.ascontiguousarray(np.clip(values, ends.min, ends.max), dtype=np.float32)


class CategoryCodes(BaseEstimator):
    """Whole numbers for text categories: UNSEEN where new, UNKNOWN where null."""

    def fit(self, X: pl.DataFrame) -> "CategoryCodes":
        """Learn each column's categories, sorted."""
        self.categories_ = [
            column.drop_nulls().unique().sort().to_list() for column in X.iter_columns()
        ]
        return self

    def transform(self, X: pl.DataFrame) -> np.ndarray:
        """Codes `(n, k)` as int64."""
        codes = np.full((X.height, X.width), UNSEEN, dtype=np.int64)
        for j, (column, known) in enumerate(zip(X.iter_columns(), self.categories_, strict=True)):
            if known:
                places = np.arange(len(known))
                codes[:, j] = column.replace_strict(
                    pl.Series(known, dtype=pl.String),
                    pl.Series(places),
                    default=UNSEEN,
                    return_dtype=pl.Int64,
                ).to_numpy()
            codes[column.is_null().to_numpy(), j] = UNKNOWN
        return codes


class TargetRates(BaseEstimator):
    """Text categories as smoothed rates of the target (scikit-learn's `TargetEncoder`).

    `fit_transform` gives each training row the rate seen in the other folds, so no row's own
    label reaches its features. Unseen and unknown categories take the overall rate.
    """

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def fit_transform(self, X: pl.DataFrame, y: np.ndarray) -> np.ndarray:
        """Out-of-fold rates `(n, k)` for training."""
        self.codes_ = CategoryCodes().fit(X)
        if not X.width:
            return np.empty((X.height, 0))
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=self.random_state)
        self.encoder_ = TargetEncoder(smooth="auto", target_type="binary", cv=folds)
        codes = self.codes_.transform(X)
        return self._with_prior(codes, self.encoder_.fit_transform(codes, y))

    def transform(self, X: pl.DataFrame) -> np.ndarray:
        """Rates `(n, k)` learnt from all training rows."""
        if not X.width:
            return np.empty((X.height, 0))
        codes = self.codes_.transform(X)
        return self._with_prior(codes, self.encoder_.transform(codes))

    def _with_prior(self, codes: np.ndarray, rates: np.ndarray) -> np.ndarray:
        return np.where(codes < 0, self.encoder_.target_mean_, rates)


class CategoryShares(BaseEstimator):
    """Text categories as their share of the training rows; null is a category, unseen is 0."""

    def fit(self, X: pl.DataFrame) -> "CategoryShares":
        """Learn the shares."""
        self.codes_ = CategoryCodes().fit(X)
        codes = self.codes_.transform(X)
        self.shares_ = [
            np.bincount(codes[:, j] - UNKNOWN, minlength=len(known) - UNKNOWN) / max(X.height, 1)
            for j, known in enumerate(self.codes_.categories_)
        ]
        return self

    def transform(self, X: pl.DataFrame) -> np.ndarray:
        """Shares `(n, k)`."""
        codes = self.codes_.transform(X) - UNKNOWN
        shares = np.empty(codes.shape)
        for j, known in enumerate(self.shares_):
            shares[:, j] = known[codes[:, j]]
        return shares


class SignedLog(BaseEstimator):
    """Numbers through the signed logarithm, unknowns at the training median.

    Counts and seconds span decades: sign(x)·log(1 + |x|) brings them within reach of each other.
    """

    def fit(self, values: np.ndarray) -> "SignedLog":
        """Learn medians and which columns have unknowns, from `(n, d)` with NaN."""
        logs = signed_log(values)
        has_any = ~np.isnan(logs).all(axis=0)
        self.medians_ = np.zeros(values.shape[1])
        self.medians_[has_any] = np.nanmedian(logs[:, has_any], axis=0)
        self.has_unknown_ = np.isnan(logs).any(axis=0)
        return self

    def transform(self, values: np.ndarray) -> np.ndarray:
        """`(n, d)` without NaN."""
        logs = signed_log(values)
        return np.where(np.isnan(logs), self.medians_, logs)

    def unknowns(self, values: np.ndarray) -> np.ndarray:
        """Indicators `(n, m)` for the `m` columns that had unknowns in training."""
        return np.isnan(values[:, self.has_unknown_]).astype(np.float64)


# A column that varies by less than this share of its largest value varies by rounding only: it is
# what two neighbours among single-precision numbers differ by.
ROUNDING = float(np.finfo(np.float32).eps)


class Standard(BaseEstimator):
    """Columns to mean 0 and deviation 1, within the ends that training saw.

    What was constant in training is 0 whatever comes, and a value beyond the ends counts as the
    end: what no training row has shown carries no weight. Those that an earlier version kept have
    no ends and scale as they did.
    """

    def fit(self, values: np.ndarray) -> "Standard":
        """Learn means, deviations and ends from `(n, d)`."""
        self.means_ = values.mean(axis=0)
        low, high = values.min(axis=0), values.max(axis=0)
        is_constant = high - low <= ROUNDING * np.maximum(np.abs(low), np.abs(high))
        self.scales_ = np.where(is_constant, 1.0, values.std(axis=0))
        self.ends_ = np.where(
            is_constant, 0.0, (np.stack([low, high]) - self.means_) / self.scales_
        )
        return self

    @property
    def is_bounded(self) -> bool:
        """Whether values stay within the ends that training saw."""
        return hasattr(self, "ends_")

    def transform(self, values: np.ndarray) -> np.ndarray:
        """`(n, d)` standardised; NaN stays NaN."""
        scaled = (values - self.means_) / self.scales_
        return np.clip(scaled, self.ends_[0], self.ends_[1]) if self.is_bounded else scaled


class QuantileBins(BaseEstimator):
    """Numbers as the bin between quantiles of the training rows; unknown is bin 0."""

    def __init__(self, bins: int = 16) -> None:
        self.bins = bins

    def fit(self, values: np.ndarray) -> "QuantileBins":
        """Learn the bins' edges from `(n, d)` with NaN; equal quantiles make one bin."""
        inner = np.linspace(0, 1, self.bins + 1)[1:-1]
        self.edges_ = []
        for column in values.T:
            known = column[~np.isnan(column)]
            edges = np.quantile(known, inner, method="lower") if len(known) else np.empty(0)
            self.edges_.append(np.unique(edges))
        return self

    def sizes(self) -> list[int]:
        """How many bins each column has, the unknown's among them."""
        return [len(edges) + 2 for edges in self.edges_]

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Bins `(n, d)` as int64; a value at an edge belongs below it."""
        found = np.zeros(values.shape, dtype=np.int64)
        for j, edges in enumerate(self.edges_):
            bins = np.searchsorted(edges, values[:, j], side="left") + 1
            found[:, j] = np.where(np.isnan(values[:, j]), 0, bins)
        return found


def signed_log(values: np.ndarray) -> np.ndarray:
    """sign(x)·log(1 + |x|); NaN stays NaN."""
    return np.sign(values) * np.log1p(np.abs(values))


# Log-odds from which on probabilities would soon be told apart no more.
SATURATED = 18.0


def probability(odds: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-odds)), where saturated growing so slowly that rows keep their order."""
    beyond = np.maximum(np.abs(odds) - SATURATED, 0)
    kept = np.sign(odds) * (SATURATED + np.log1p(beyond))
    return 1 / (1 + np.exp(-np.where(beyond > 0, kept, odds)))


def logit(rates: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)), rates kept a millionth away from 0 and 1."""
    kept = np.clip(rates, 1e-6, 1 - 1e-6)
    return np.log(kept / (1 - kept))
