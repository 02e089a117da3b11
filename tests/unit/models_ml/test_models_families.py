"""What is particular to each family."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from models_ml.estimators import Estimator, family

Data = tuple[pl.DataFrame, np.ndarray]
Fitted = Callable[..., Estimator]


def log_odds(scores: np.ndarray) -> np.ndarray:
    return np.log(scores / (1 - scores))


def raw(scores: np.ndarray) -> np.ndarray:
    return scores


SUMS = {
    "xgboost": (log_odds, 1e-3),
    "logistic_regression": (log_odds, 1e-9),
    "linear_svm": (raw, 1e-9),
    "naive_bayes": (raw, 1e-9),
    "decision_tree": (raw, 1e-9),
    "random_forest": (raw, 1e-9),
    "adaboost": (raw, 1e-9),
    "k_means": (raw, 1e-9),
    "hdbscan": (raw, 1e-9),
    "elliptic_envelope": (raw, 1e-6),
    "rules": (raw, 0),
}


@pytest.mark.parametrize("name", SUMS)
def test_contributions_add_up_to_the_score(name: str, data: Data, fitted: Fitted) -> None:
    X, _ = data
    unit, tolerance = SUMS[name]
    model = fitted(name)
    rest = unit(model.predict_score(X)) - model.explain(X).sum(axis=1)
    assert np.ptp(rest) <= tolerance  # what is left is the same for every row


@pytest.mark.parametrize("name", ["rbf_svm", "neural_net"])
def test_integrated_gradients_add_up_to_the_rise_from_the_mean(
    name: str, data: Data, fitted: Fitted
) -> None:
    X, _ = data
    model = fitted(name)
    unit = log_odds if name == "neural_net" else raw
    scores = unit(
        np.clip(model.predict_score(X), 1e-12, 1 - 1e-12)
        if unit is log_odds
        else model.predict_score(X)
    )
    rest = scores - model.explain(X).sum(axis=1)
    assert np.quantile(np.abs(rest - np.median(rest)), 0.95) < 0.05 * np.ptp(scores)


def test_isolation_contributions_order_as_the_score(data: Data, fitted: Fitted) -> None:
    X, _ = data
    forest = fitted("isolation_forest")
    order = np.argsort(forest.explain(X).sum(axis=1), kind="stable")
    assert (np.diff(forest.predict_score(X)[order]) > -1e-6).all()


def test_logistic_contribution_is_coefficient_times_distance_from_the_mean() -> None:
    rng = np.random.default_rng(1)
    X = pl.DataFrame({"a": rng.normal(size=500), "b": rng.normal(size=500)})
    y = (X["a"].to_numpy() + rng.normal(size=500) > 0).astype(np.uint8)
    model = family("logistic_regression")().fit(X, y)
    logs = np.sign(X["a"]) * np.log1p(np.abs(X["a"]))
    expected = (logs - logs.mean()) / logs.to_numpy().std() * model.model_.coef_[0][0]
    assert np.allclose(model.explain(X)[:, 0], expected)
