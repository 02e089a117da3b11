"""Gradient-boosted trees (Chen and Guestrin 2016)."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl

from models_ml.estimators.base import Supervised
from models_ml.estimators.parts import load_part, save_part
from models_ml.estimators.search import Range, Real, Whole
from models_ml.preprocessing import TargetRates, single

BOOSTER = "booster.ubj"
CATEGORIES = "categories.skops"


class XGBoost(Supervised):
    """Histogram trees on log loss; unknown numbers take the branch that training found better.

    Categories enter as out-of-fold target rates. Explanations are TreeSHAP (Lundberg 2020) in
    log-odds. `n_jobs` is fixed rather than taken from the machine: sums of gradients depend on
    the number of threads in their last bits.
    """

    name = "xgboost"
    library = "xgboost"
    search_space: ClassVar[dict[str, Range]] = {
        "n_estimators": Whole(50, 800, log=True),
        "max_depth": Whole(2, 10),
        "learning_rate": Real(0.01, 0.3, log=True),
        "min_child_weight": Real(0.5, 50, log=True),
        "subsample": Real(0.5, 1.0),
        "colsample_bytree": Real(0.3, 1.0),
        "reg_lambda": Real(0.1, 100, log=True),
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

    def _fit(self, X: pl.DataFrame, y: Any) -> None:
        import xgboost

        self.rates_ = TargetRates(self.random_state)
        rates = self.rates_.fit_transform(self._categories(X), y)
        data = xgboost.QuantileDMatrix(
            self._matrix(X, rates), label=y, max_bin=self.max_bin, nthread=self.n_jobs
        )
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
        self.booster_ = xgboost.train(parameters, data, num_boost_round=self.n_estimators)

    def _score(self, X: pl.DataFrame) -> np.ndarray:
        return self.booster_.predict(self._data(X)).astype(np.float64)

    def _explain(self, X: pl.DataFrame) -> np.ndarray:
        # The last column is the bias, which is no feature's.
        return self.booster_.predict(self._data(X), pred_contribs=True)[:, :-1].astype(np.float64)

    def _data(self, X: pl.DataFrame) -> Any:
        import xgboost

        rates = self.rates_.transform(self._categories(X))
        return xgboost.DMatrix(self._matrix(X, rates), nthread=self.n_jobs)

    def _matrix(self, X: pl.DataFrame, rates: np.ndarray) -> np.ndarray:
        return single(self._in_order(self._numbers(X), rates))

    def _save(self, folder: Path) -> None:
        self.booster_.save_model(folder / BOOSTER)
        save_part(self.rates_, folder / CATEGORIES)

    def _load(self, folder: Path) -> None:
        import xgboost

        self.booster_ = xgboost.Booster()
        self.booster_.load_model(folder / BOOSTER)
        self.booster_.set_param({"nthread": self.n_jobs})
        self.rates_ = load_part(folder / CATEGORIES)
