"""The baseline below every model: the training rate for every row."""

from typing import Any, ClassVar

import numpy as np
import polars as pl

from clickward.models_ml.estimators.base import Supervised


class Prior(Supervised):
    """The share of positives among the training rows; what a model must beat.

    Average precision is then the share of positives, ROC AUC one half. Nothing raises a score.
    """

    name = "prior"
    library = "clickward"
    kind: ClassVar[str] = "baseline"
    parts = ("rate",)

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def _fit(self, X: pl.DataFrame, y: Any) -> None:
        self.rate_ = float(y.mean())

    def _score(self, X: pl.DataFrame) -> np.ndarray:
        return np.full(X.height, self.rate_)

    def _explain(self, X: pl.DataFrame) -> np.ndarray:
        return np.zeros((X.height, len(self.static_)))
