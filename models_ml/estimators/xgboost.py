"""Gradient-boosted trees (Chen and Guestrin 2016)."""

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
import xgboost

from clickward.models_ml.dataset.batches import Batch, Rows
from clickward.models_ml.estimators.base import Supervised
from clickward.models_ml.estimators.devices import CPU
from clickward.models_ml.estimators.parts import load_part, save_part
from clickward.models_ml.estimators.preparation.preprocessing import TargetRates, single
from clickward.models_ml.estimators.preparation.rates import (
    CountedRates,
    FoldRates,
    RateCounts,
    count_rates,
)
from clickward.models_ml.estimators.search import Parameter, Real, Whole, real, whole
from clickward.models_ml.estimators.threads import fitted_to
from clickward.models_ml.estimators.xgboost_batches import binned

BOOSTER = "booster.ubj"
CATEGORIES = "categories.skops"


class XGBoost(Supervised):
    """Histogram trees on log loss; unknown numbers take the branch that training found better.

    Categories enter as out-of-fold target rates. Explanations are TreeSHAP (Lundberg 2020) in
    log-odds. `n_jobs` is the most threads it takes, fixed rather than taken from the machine; rows
    that are few take one (`--threads`). `device` is where training computes; scores are
    always the processor's, so that an artifact scores the same everywhere.

    Learns from batches too: from the same matrix it grows the same trees to the bit.
    """

    name = "xgboost"
    library = "xgboost"
    learns_from_batches = True
    takes_device = True
    rates_: TargetRates | CountedRates
    hyper_parameters: ClassVar[dict[str, Parameter]] = {
        "n_estimators": whole(1, 100_000, tuned=Whole(50, 800, log=True)),
        "max_depth": whole(0, 1_000, tuned=Whole(2, 10)),
        "learning_rate": real(0, 1, above=True, tuned=Real(0.01, 0.3, log=True)),
        "min_child_weight": real(0, tuned=Real(0.5, 50, log=True)),
        "subsample": real(0, 1, above=True, tuned=Real(0.5, 1.0)),
        "colsample_bytree": real(0, 1, above=True, tuned=Real(0.3, 1.0)),
        "reg_lambda": real(0, tuned=Real(0.1, 100, log=True)),
        "scale_pos_weight": real(0, above=True),
        "max_bin": whole(2, 65_535),
        "n_jobs": whole(1, 1_024, also=(-1,)),
    }

    def __init__(
        self,
        n_estimators: int = 300,
        max_depth: int = 5,
        learning_rate: float = 0.05,
        min_child_weight: float = 1.0,
        subsample: float = 1.0,
        colsample_bytree: float = 1.0,
        reg_lambda: float = 1.0,
        scale_pos_weight: float = 1.0,
        max_bin: int = 256,
        n_jobs: int = 2,
        random_state: int = 0,
        device: str = CPU,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.min_child_weight = min_child_weight
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.reg_lambda = reg_lambda
        self.scale_pos_weight = scale_pos_weight
        self.max_bin = max_bin
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.device = device

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The hyper-parameters; `device` only where it is another than the processor.

        So it makes a version of its own, and versions trained before there was a choice keep
        their names.
        """
        found = super().get_params(deep)
        if found["device"] == CPU:
            del found["device"]
        return found

    def fit_batches(self, rows: Rows, folds: np.ndarray, spill: Path | None = None) -> Self:
        """Learn from `rows`, gone through six times; bins are kept in `spill` or in memory."""
        self.encode(rows.features, self.count(rows, folds))
        self.booster_ = self.boost(rows, folds, spill)
        return self

    def count(self, rows: Rows, folds: np.ndarray) -> RateCounts:
        """The categories' counts, which add up over parts of the rows."""
        categorical = [n for n, kind in rows.features.schema.items() if kind == pl.String]
        return count_rates(rows, categorical, folds)

    def encode(self, features: pl.DataFrame, counts: RateCounts) -> None:
        """Take the counts of all rows. Raises `UserError` where they have one class only."""
        self._remember(features)
        self.subsampled_ = None
        self._check_classes(counts.positives, counts.rows)
        self.rates_ = counts.rates()
        self._fold_rates: FoldRates = counts.out_of_fold()

    def boost(self, rows: Rows, folds: np.ndarray, spill: Path | None = None) -> Any:
        """The trees grown on `rows`, together with the other members of a communicator if any."""

        def matrix(batch: Batch) -> np.ndarray:
            of_rows = folds[batch.start : batch.start + batch.X.height]
            rates = self._fold_rates.transform(self._categories(batch.X), of_rows)
            return self._matrix(batch.X, rates)

        with fitted_to(len(folds) * rows.features.width):
            return self._grow(binned(rows, matrix, self.max_bin, self.n_jobs, spill))

    def take(self, grown: bytes) -> None:
        """The trees that others grew, as UBJSON."""
        self._open(bytearray(grown))

    def _open(self, source: Any) -> None:
        self.booster_ = xgboost.Booster()
        self.booster_.load_model(source)
        self.booster_.set_param({"nthread": self.n_jobs})

    def _fit(self, X: pl.DataFrame, y: Any) -> None:
        self.rates_ = TargetRates(self.random_state)
        rates = self.rates_.fit_transform(self._categories(X), y)
        data = xgboost.QuantileDMatrix(
            self._matrix(X, rates), label=y, max_bin=self.max_bin, nthread=self.n_jobs
        )
        self.booster_ = self._grow(data)

    def _grow(self, data: Any) -> Any:
        parameters = {
            "objective": "binary:logistic",
            "tree_method": "hist",
            "max_depth": self.max_depth,
            "learning_rate": self.learning_rate,
            "min_child_weight": self.min_child_weight,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample_bytree,
            "reg_lambda": self.reg_lambda,
            "scale_pos_weight": self.scale_pos_weight,
            "max_bin": self.max_bin,
            "nthread": self.n_jobs,
            "seed": self.random_state,
        }
        if self.device != CPU:
            parameters["device"] = self.device
        grown = xgboost.train(parameters, data, num_boost_round=self.n_estimators)
        if self.device != CPU:
            grown.set_param({"device": CPU})
        return grown

    def _score(self, X: pl.DataFrame) -> np.ndarray:
        return self.booster_.predict(self._data(X)).astype(np.float64)

    def _explain(self, X: pl.DataFrame) -> np.ndarray:
        # The last column is the bias, which is no feature's.
        return self.booster_.predict(self._data(X), pred_contribs=True)[:, :-1].astype(np.float64)

    def _data(self, X: pl.DataFrame) -> Any:
        rates = self.rates_.transform(self._categories(X))
        return xgboost.DMatrix(self._matrix(X, rates), nthread=self.n_jobs)

    def _matrix(self, X: pl.DataFrame, rates: np.ndarray) -> np.ndarray:
        return single(self._in_order(self._numbers(X), rates))

    def _save(self, folder: Path) -> None:
        self.booster_.save_model(folder / BOOSTER)
        save_part(self.rates_, folder / CATEGORIES)

    def _load(self, folder: Path) -> None:
        self._open(folder / BOOSTER)
        self.rates_ = load_part(folder / CATEGORIES)
