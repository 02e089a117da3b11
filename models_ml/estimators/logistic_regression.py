"""Logistic regression: the baseline whose reasons can be checked by hand."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression

from models_ml.estimators.base import Supervised
from models_ml.estimators.parts import load_part, save_part
from models_ml.estimators.search import Choice, Range, Real
from models_ml.preprocessing import SignedLog, Standard, TargetRates, logit

PARTS = ("rates", "logs", "standard", "model")


class Logistic(Supervised):
    """L2-penalised logistic regression on standardised features.

    Numbers: signed log, unknowns at the training median with an indicator beside them.
    Categories: the log-odds of their out-of-fold target rate. Explanations are coefficient x
    (value - training mean) in log-odds, an indicator's share added to its feature's.
    """

    name = "logistic_regression"
    search_space: ClassVar[dict[str, Range]] = {
        "C": Real(1e-4, 100, log=True),
        "class_weight": Choice((None, "balanced")),
    }

    def __init__(
        self,
        C: float = 1.0,
        class_weight: str | None = None,
        max_iter: int = 1000,
        random_state: int = 0,
    ) -> None:
        self.C = C
        self.class_weight = class_weight
        self.max_iter = max_iter
        self.random_state = random_state

    def _fit(self, X: pl.DataFrame, y: Any) -> None:
        values = self._numbers(X)
        self.rates_ = TargetRates(self.random_state)
        rates = self.rates_.fit_transform(self._categories(X), y)
        self.logs_ = SignedLog().fit(values)
        columns = self._columns(values, rates)
        self.standard_ = Standard().fit(columns)
        self.model_ = LogisticRegression(
            C=self.C, class_weight=self.class_weight, max_iter=self.max_iter
        ).fit(self.standard_.transform(columns), y)

    def _score(self, X: pl.DataFrame) -> np.ndarray:
        # Summed row by row: a matrix product's last bits depend on how many rows there are.
        odds = self._shares(X).sum(axis=1) + self.model_.intercept_[0]
        return 1 / (1 + np.exp(-odds))

    def _explain(self, X: pl.DataFrame) -> np.ndarray:
        shares = self._shares(X)
        d = len(self.numeric_)
        numeric = shares[:, :d].copy()
        indicated = np.flatnonzero(self.logs_.has_unknown_)
        numeric[:, indicated] += shares[:, d : d + len(indicated)]
        return self._in_order(numeric, shares[:, d + len(indicated) :])

    def _shares(self, X: pl.DataFrame) -> np.ndarray:
        """Each column's part of the log-odds, `(n, numbers + indicators + categories)`."""
        rates = self.rates_.transform(self._categories(X))
        columns = self._columns(self._numbers(X), rates)
        return np.ascontiguousarray(self.standard_.transform(columns) * self.model_.coef_[0])

    def _columns(self, values: np.ndarray, rates: np.ndarray) -> np.ndarray:
        logs, unknowns = self.logs_.transform(values), self.logs_.unknowns(values)
        return np.hstack([logs, unknowns, logit(rates)])

    def _save(self, folder: Path) -> None:
        for name in PARTS:
            save_part(getattr(self, f"{name}_"), folder / f"{name}.skops")

    def _load(self, folder: Path) -> None:
        for name in PARTS:
            setattr(self, f"{name}_", load_part(folder / f"{name}.skops"))
