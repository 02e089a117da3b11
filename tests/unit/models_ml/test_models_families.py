"""What is particular to each family."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from clickward.models_ml.estimators import FAMILIES, Estimator, family
from clickward.models_ml.estimators.catalogue import catalogue
from clickward.models_ml.estimators.large_clusters import large_clusters
from clickward.models_ml.estimators.rule_table import COLUMNS
from clickward.warehouse.errors import UserError

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


def table(folder: Path, *lines: str) -> str:
    path = folder / "rules.csv"
    path.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n")
    return str(path)


def test_a_rule_of_one_app_takes_the_place_of_the_rule_of_all(tmp_path: Path) -> None:
    rules = table(
        tmp_path,
        "many,,clicks,>,10,2,any",
        "many,chess,clicks,>,100,3,any",
        "quick,cards,ctit,<=,5,1,any",
    )
    X = pl.DataFrame(
        {
            "install__app": ["go", "chess", "chess", "cards", None],
            "clicks": [50, 50, 500, 50, None],
            "ctit": [1.0, 1.0, 1.0, 5.0, 1.0],
        }
    )
    model = family("rules")(table=rules).fit(X)
    assert model.predict_score(X).tolist() == [2, 0, 3, 3, 0]
    assert model.explain(X)[3].tolist() == [0, 2, 1]
    other = family("rules")(table=table(tmp_path, "many,,clicks,>,11,2,any")).inputs()
    assert other != family("rules")(table=None).inputs()


def test_tables_that_are_no_rules_are_refused(tmp_path: Path) -> None:
    X = pl.DataFrame({"clicks": [1.0]})
    faults = {
        "line 2: no comparison '~'": ["a,,clicks,~,1,1,any"],
        "line 2: threshold and points are numbers, found 'x' and '1'": ["a,,clicks,>,x,1,any"],
        "rule 'a' twice for all apps": ["a,,clicks,>,1,1,any", "a,,clicks,>,2,1,any"],
        "no rule reads a feature": ["a,,unheard_of,>,1,1,any"],
        "need a feature that names the app": ["a,chess,clicks,>,1,1,any"],
    }
    for message, lines in faults.items():
        with pytest.raises(UserError, match=message):
            family("rules")(table=table(tmp_path, *lines)).fit(X)
    with pytest.raises(UserError, match="no table of rules"):
        family("rules")(table=str(tmp_path / "none.csv")).fit(X)


def test_small_clusters_are_not_large() -> None:
    assert large_clusters(np.array([5, 60, 10, 25]), 0.8).tolist() == [1, 3]
    assert large_clusters(np.array([5, 60, 10, 25]), 1.0).tolist() == [0, 1, 2, 3]


def test_the_catalogue_is_data_for_every_family() -> None:
    facts = {one["name"]: one for one in json.loads(json.dumps(catalogue()))}
    assert list(facts) == list(FAMILIES)
    assert all(one["summary"].endswith(".") for one in facts.values())
    assert facts["hdbscan"]["max_rows"] == 5000
    assert facts["recurrent_net"]["extra"] == "deep"
    assert facts["decision_tree"]["search_space"]["max_depth"] == {
        "type": "whole",
        "low": 2,
        "high": 12,
        "log": False,
    }
