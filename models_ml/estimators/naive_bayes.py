"""Naive Bayes on binned features: the model whose every reason is one number in a table."""

from typing import Any, ClassVar

import numpy as np
import polars as pl
from sklearn.naive_bayes import CategoricalNB

from clickward.models_ml.estimators.base import Margin
from clickward.models_ml.estimators.preparation.preprocessing import (
    UNKNOWN,
    CategoryCodes,
    QuantileBins,
)
from clickward.models_ml.estimators.search import Parameter, Real, Whole, real, whole


class NaiveBayes(Margin):
    """Each feature speaks for or against fraud by itself, and the evidence is added up.

    Numbers fall into quantile bins, with a bin of its own for unknown; categories stand for
    themselves, with one for null and one for never seen. Scores are log-odds; features that say
    the same thing count twice, so they are no probabilities. Explanations are each feature's log
    ratio of its bin's rates among positives and negatives; with the prior's they sum to the score.
    """

    name = "naive_bayes"
    parts = ("bins", "codes", "model")
    hyper_parameters: ClassVar[dict[str, Parameter]] = {
        "bins": whole(2, 10_000, tuned=Whole(4, 64, log=True)),
        "alpha": real(0, above=True, tuned=Real(0.1, 100, log=True)),
    }

    def __init__(self, bins: int = 16, alpha: float = 1.0, random_state: int = 0) -> None:
        self.bins = bins
        self.alpha = alpha
        self.random_state = random_state

    def _fit(self, X: pl.DataFrame, y: Any) -> None:
        self.bins_ = QuantileBins(self.bins).fit(self._numbers(X))
        self.codes_ = CategoryCodes().fit(self._categories(X))
        sizes = self.bins_.sizes() + [len(known) - UNKNOWN for known in self.codes_.categories_]
        self.model_ = CategoricalNB(alpha=self.alpha, min_categories=sizes).fit(
            self._cells(X), y.astype(int)
        )

    def _score(self, X: pl.DataFrame) -> np.ndarray:
        prior = self.model_.class_log_prior_
        return self._ratios(X).sum(axis=1) + (prior[1] - prior[0])

    def _explain(self, X: pl.DataFrame) -> np.ndarray:
        ratios = self._ratios(X)
        d = len(self.numeric_)
        return self._in_order(ratios[:, :d], ratios[:, d:])

    def _ratios(self, X: pl.DataFrame) -> np.ndarray:
        cells = self._cells(X)
        ratios = np.empty(cells.shape)
        for j, rates in enumerate(self.model_.feature_log_prob_):
            ratios[:, j] = (rates[1] - rates[0])[cells[:, j]]
        return ratios

    def _cells(self, X: pl.DataFrame) -> np.ndarray:
        """The bin or category of each value, numbers first, `(n, d)` from 0."""
        codes = self.codes_.transform(self._categories(X)) - UNKNOWN
        return np.hstack([self.bins_.transform(self._numbers(X)), codes])
