"""Out-of-fold target rates of categories, counted over batches and added up across machines.

They are those of `preprocessing.TargetRates`, which holds every row at once: the same folds, and
the same smoothing up to the last bits of a sum.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator

from clickward.models_ml.dataset.batches import Batch
from clickward.models_ml.estimators.preparation.preprocessing import FOLDS, CategoryCodes

KEYS = ("category", "fold", "label")


def stratified_folds(y: np.ndarray, seed: int) -> np.ndarray:
    """The fold `(n,)` as uint8 of each row: those of scikit-learn's shuffled `StratifiedKFold`.

    Its `split` takes some forty bytes a row; this takes three. Classes stand in the order of
    their first row, each is dealt out as its share of every fifth of the sorted labels, and
    shuffled with one generator (scikit-learn 1.9, `StratifiedKFold._make_test_folds`).
    """
    first = int(y[0])
    counts = [int((y == label).sum()) for label in (first, 1 - first)]
    generator = np.random.RandomState(seed)
    folds = np.empty(len(y), dtype=np.uint8)
    begin = 0
    for label, count in zip((first, 1 - first), counts, strict=True):
        # Of the places begin, begin + 1, … among the sorted labels, those that fall to each fold.
        dealt = [
            len(range(begin + (fold - begin) % FOLDS, begin + count, FOLDS))
            for fold in range(FOLDS)
        ]
        of_class = np.repeat(np.arange(FOLDS, dtype=np.uint8), dealt)
        generator.shuffle(of_class)
        folds[y == label] = of_class
        begin += count
    return folds


@dataclass
class RateCounts:
    """How many rows of each label every category has in every fold.

    `tables` has for each column a frame of `category`, `fold`, `label` and `rows`, null being
    no category; `totals` `(folds, 2)` counts all rows by fold and label.
    """

    tables: dict[str, pl.DataFrame]
    totals: np.ndarray

    def __add__(self, other: "RateCounts") -> "RateCounts":
        return RateCounts(
            {name: _summed([table, other.tables[name]]) for name, table in self.tables.items()},
            self.totals + other.totals,
        )

    @property
    def rows(self) -> int:
        return int(self.totals.sum())

    @property
    def positives(self) -> int:
        return int(self.totals[:, 1].sum())

    def rates(self) -> "CountedRates":
        """The encoding that scoring uses, learnt from all rows."""
        return CountedRates().learn(self)

    def out_of_fold(self) -> "FoldRates":
        """The encoding that training uses: of each row by the other folds."""
        known = self.rates()
        every = self.totals.sum(axis=0)
        tables = []
        for name, categories in zip(self.tables, known.codes_.categories_, strict=True):
            counts = _dense(self.tables[name], categories)
            others = counts.sum(axis=0) - counts
            tables.append(
                np.stack(
                    [
                        smoothed(others[fold], every - self.totals[fold])
                        for fold in range(len(self.totals))
                    ]
                )
            )
        return FoldRates(known.codes_, tables, known.target_mean_)


def count_rates(batches: Iterable[Batch], categorical: list[str], folds: np.ndarray) -> RateCounts:
    """The counts of all batches; `folds` `(n,)` has the fold of every row, by its place."""
    empty = pl.DataFrame(
        schema={"category": pl.String, "fold": pl.UInt8, "label": pl.UInt8, "rows": pl.Int64}
    )
    found = RateCounts(dict.fromkeys(categorical, empty), np.zeros((FOLDS, 2), dtype=np.int64))
    for batch in batches:
        beside = {
            "fold": pl.Series(folds[batch.start : batch.start + batch.X.height]),
            "label": pl.Series(batch.y),
        }
        tables = {
            name: batch.X.select(category=name)
            .with_columns(**beside)
            .drop_nulls("category")
            .group_by(KEYS)
            .agg(pl.len().cast(pl.Int64).alias("rows"))
            for name in categorical
        }
        cells = beside["fold"].to_numpy().astype(np.int64) * 2 + batch.y
        totals = np.bincount(cells, minlength=2 * FOLDS).reshape(FOLDS, 2)
        found = found + RateCounts(tables, totals)
    return found


class CountedRates(BaseEstimator):
    """Text categories as smoothed rates of the target, learnt from counts.

    Unseen and unknown categories take the overall rate.
    """

    def learn(self, counts: RateCounts) -> "CountedRates":
        """The rates of all rows counted."""
        self.codes_ = CategoryCodes()
        self.codes_.categories_ = [
            table["category"].unique().sort().to_list() for table in counts.tables.values()
        ]
        every = counts.totals.sum(axis=0)
        self.target_mean_ = float(every[1] / every.sum())
        self.rates_ = [
            smoothed(_dense(table, categories).sum(axis=0), every)
            for table, categories in zip(
                counts.tables.values(), self.codes_.categories_, strict=True
            )
        ]
        return self

    def transform(self, X: pl.DataFrame) -> np.ndarray:
        """Rates `(n, k)`."""
        return _looked_up(self.codes_.transform(X), self.rates_, self.target_mean_)


@dataclass(frozen=True)
class FoldRates:
    """Rates by fold: `tables` has for each column `(folds, categories)`."""

    codes: CategoryCodes
    tables: list[np.ndarray]
    target_mean: float

    def transform(self, X: pl.DataFrame, folds: np.ndarray) -> np.ndarray:
        """Rates `(n, k)` of rows that belong to `folds` `(n,)`."""
        flat = [table.ravel() for table in self.tables]
        codes = self.codes.transform(X)
        for j, table in enumerate(self.tables):
            places = codes[:, j] + folds.astype(np.int64) * table.shape[1]
            codes[:, j] = np.where(codes[:, j] < 0, codes[:, j], places)
        return _looked_up(codes, flat, self.target_mean)


def smoothed(counts: np.ndarray, every: np.ndarray) -> np.ndarray:
    """Rates `(k,)` of categories with `counts` `(k, 2)` by label, among rows `every` `(2,)`.

    The empirical Bayes estimate of Micci-Barreca (2001) as scikit-learn's `TargetEncoder` has it
    with `smooth="auto"`: the less the labels of a category scatter, the more its own mean counts.
    """
    overall = every[1] / every.sum()
    variance = overall * (1 - overall)
    rows = counts.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        own = counts[:, 1] / rows
        scatter = counts[:, 1] * (1 - own) ** 2 + counts[:, 0] * own**2
        weight = variance * rows / (variance * rows + scatter / rows)
    return np.where(np.isnan(weight), overall, weight * own + (1 - weight) * overall)


def _looked_up(codes: np.ndarray, rates: list[np.ndarray], otherwise: float) -> np.ndarray:
    found = np.full(codes.shape, otherwise)
    for j, known in enumerate(rates):
        is_known = codes[:, j] >= 0
        found[is_known, j] = known[codes[is_known, j]]
    return found


def _summed(tables: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(tables).group_by(KEYS).agg(pl.col("rows").sum())


def _dense(table: pl.DataFrame, categories: list[str]) -> np.ndarray:
    """Counts `(folds, categories, 2)` of a table."""
    counts = np.zeros((FOLDS, len(categories), 2), dtype=np.int64)
    if categories:
        places = pl.Series(np.arange(len(categories)))
        codes = table["category"].replace_strict(
            pl.Series(categories, dtype=pl.String), places, return_dtype=pl.Int64
        )
        at = (table["fold"].to_numpy(), codes.to_numpy(), table["label"].to_numpy())
        counts[at] = table["rows"].to_numpy()
    return counts
