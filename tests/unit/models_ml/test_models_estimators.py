"""The three families: fit, score, explain, save, load."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import skops.io
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.metrics import roc_auc_score

from models_ml.estimators import FAMILIES, families, family
from models_ml.estimators.parts import load_part
from models_ml.preprocessing import CategoryShares, SignedLog, TargetRates, numbers
from models_ml.reasons import top_reasons
from models_ml.training import build_estimator
from warehouse.errors import UsageError, UserError


class Untouchable:
    """Labels that may not be looked at."""

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"an unsupervised model looked at y.{name}")

    def __len__(self) -> int:
        raise AssertionError("an unsupervised model looked at len(y)")

    def __iter__(self) -> object:
        raise AssertionError("an unsupervised model iterated y")


@pytest.fixture(scope="module")
def data() -> tuple[pl.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    n = 2000
    y = (rng.random(n) < 0.1).astype(np.uint8)
    X = pl.DataFrame(
        {
            "network": np.where(y == 1, "bad", rng.choice(["good", "fair", "bad"], n)).tolist(),
            "clicks": rng.poisson(3 + 20 * y).tolist(),
            "share": rng.random(n).tolist(),
            "os": rng.choice(["android", "ios"], n).tolist(),
            "ctit": (rng.lognormal(5, 1, n) * np.where(y == 1, 0.05, 1)).tolist(),
        }
    )
    hidden = pl.Series(rng.random(n) < 0.1)
    hide = [pl.when(~hidden).then(pl.col(name)).alias(name) for name in ("network", "ctit")]
    return X.with_columns(hide), y


def fitted(name: str, data: tuple[pl.DataFrame, np.ndarray], seed: int = 0):
    X, y = data
    return build_estimator(name, {}, seed).fit(X, y)


@pytest.mark.parametrize("name", FAMILIES)
def test_finds_the_signal_and_repeats_to_the_bit(
    name: str, data: tuple[pl.DataFrame, np.ndarray]
) -> None:
    X, y = data
    scores = fitted(name, data).predict_score(X)
    assert scores.dtype == np.float64
    assert roc_auc_score(y, scores) > 0.85
    assert np.array_equal(scores, fitted(name, data).predict_score(X))
    assert clone(fitted(name, data)).get_params() == build_estimator(name, {}, 0).get_params()


@pytest.mark.parametrize("name", FAMILIES)
def test_a_score_depends_on_its_row_alone(name: str, data: tuple[pl.DataFrame, np.ndarray]) -> None:
    X, _ = data
    model = fitted(name, data)
    whole, reasons = model.predict_score(X), model.explain(X)
    parts = [X[i : i + 37] for i in range(0, X.height, 37)]
    assert np.array_equal(np.concatenate([model.predict_score(p) for p in parts]), whole)
    assert np.array_equal(np.vstack([model.explain(p) for p in parts]), reasons)


@pytest.mark.parametrize("name", FAMILIES)
def test_save_and_load(name: str, data: tuple[pl.DataFrame, np.ndarray], tmp_path: Path) -> None:
    X, _ = data
    model = fitted(name, data)
    model.save(tmp_path)
    loaded = family(name).load(tmp_path)
    assert loaded.get_params() == model.get_params()
    assert np.array_equal(loaded.predict_score(X), model.predict_score(X))
    assert np.array_equal(loaded.explain(X), model.explain(X))
    assert not list(tmp_path.rglob("*.pkl"))


@pytest.mark.parametrize("name", FAMILIES)
def test_unseen_categories_and_unknowns_score(
    name: str, data: tuple[pl.DataFrame, np.ndarray]
) -> None:
    X, _ = data
    strange = X.head(3).with_columns(
        network=pl.Series(["never seen", None, "good"]), ctit=pl.lit(None, pl.Float64)
    )
    assert np.isfinite(fitted(name, data).predict_score(strange)).all()


def test_unsupervised_never_sees_labels(data: tuple[pl.DataFrame, np.ndarray]) -> None:
    X, _ = data
    model = family("isolation_forest")()
    assert not model.is_supervised
    model.fit(X, Untouchable())  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="looked at"):
        family("xgboost")().fit(X, Untouchable())  # type: ignore[arg-type]


def test_supervised_scores_are_probabilities(data: tuple[pl.DataFrame, np.ndarray]) -> None:
    X, y = data
    for name in ("xgboost", "logistic_regression"):
        model = fitted(name, data)
        both = model.predict_proba(X)
        assert np.allclose(both.sum(axis=1), 1)
        assert both[:, 1].mean() == pytest.approx(y.mean(), abs=0.02)


def test_contributions_add_up_to_the_score(data: tuple[pl.DataFrame, np.ndarray]) -> None:
    X, _ = data
    for name in ("xgboost", "logistic_regression"):
        model = fitted(name, data)
        p = model.predict_score(X)
        rest = np.log(p / (1 - p)) - model.explain(X).sum(axis=1)
        assert np.ptp(rest) < 1e-3  # what is left is the same for every row: the intercept
    forest = fitted("isolation_forest", data)
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


def test_reasons_name_what_raised_the_score_with_its_value() -> None:
    X = pl.DataFrame(
        {"a": [1, None], "b": ["x", "y"], "c": [0.25, 1e9], "d": [True, False]},
        schema={"a": pl.UInt32, "b": pl.String, "c": pl.Float64, "d": pl.Boolean},
    )
    contributions = np.array([[0.1, 0.5, 0.3, 0.2], [0.4, -1.0, -2.0, 0.0]])
    first, second = top_reasons(X, contributions).to_dicts()
    assert first["reason_features"] == ["b", "c", "d"]
    assert first["reason_values"] == ["x", "0.25", "true"]
    assert first["reason_contributions"] == pytest.approx([0.5, 0.3, 0.2])
    assert second["reason_features"] == ["a"]
    assert second["reason_values"] == ["unknown"]
    nothing = top_reasons(X, np.zeros((2, 4)))
    assert nothing["reason_features"].to_list() == [[], []]
    assert nothing["reason_contributions"].dtype == pl.List(pl.Float32)


def test_one_class_is_refused(data: tuple[pl.DataFrame, np.ndarray]) -> None:
    X, _ = data
    with pytest.raises(UserError, match="needs both classes, found 0 positives"):
        family("xgboost")().fit(X, np.zeros(X.height))
    with pytest.raises(ValueError, match="expected labels, found None"):
        family("xgboost")().fit(X)


def test_other_columns_are_refused(data: tuple[pl.DataFrame, np.ndarray]) -> None:
    X, _ = data
    with pytest.raises(ValueError, match="expected columns"):
        fitted("xgboost", data).predict_score(X.select(reversed(X.columns)))


def test_names_are_checked() -> None:
    with pytest.raises(UsageError, match="no model 'x'"):
        family("x")
    with pytest.raises(UsageError, match="no parameter depth"):
        build_estimator("xgboost", {"depth": 3}, 0)
    assert families("all") == list(FAMILIES)
    assert families("xgboost, isolation_forest,xgboost") == ["xgboost", "isolation_forest"]


def test_foreign_types_are_not_loaded(tmp_path: Path) -> None:
    class Foreign(LinearRegression):
        pass

    skops.io.dump(Foreign(), tmp_path / "part.skops")
    with pytest.raises(UserError, match=r"types that are not trusted.*Foreign"):
        load_part(tmp_path / "part.skops")


def test_target_rates_do_not_carry_a_rows_own_label() -> None:
    # Every category is seen once: a rate that used the row's own label would be the label.
    n = 400
    y = (np.arange(n) % 4 == 0).astype(np.uint8)
    X = pl.DataFrame({"c": [f"{i}" for i in range(n)]})
    encoder = TargetRates()
    assert np.ptp(encoder.fit_transform(X, y)) < 0.01
    assert np.corrcoef(encoder.transform(X)[:, 0], y)[0, 1] > 0.99
    unknown = encoder.transform(pl.DataFrame({"c": [None, "new"]}, schema={"c": pl.String}))
    assert unknown[:, 0].tolist() == [y.mean(), y.mean()]


def test_category_shares() -> None:
    fitted_shares = CategoryShares().fit(pl.DataFrame({"c": ["a", "a", "b", None]}))
    seen = pl.DataFrame({"c": ["a", "b", None, "new"]})
    assert fitted_shares.transform(seen)[:, 0].tolist() == [0.5, 0.25, 0.25, 0.0]


def test_unknown_numbers_take_the_median_and_say_so() -> None:
    X = pl.DataFrame({"a": [0.0, 1.0, 3.0, None], "b": [1.0, 1.0, 1.0, float("inf")]})
    values = numbers(X)
    logs = SignedLog().fit(values)
    assert logs.transform(values)[3, 0] == pytest.approx(np.log1p(1.0))
    assert logs.unknowns(values).tolist() == [[0, 0], [0, 0], [0, 0], [1, 1]]
    nothing = SignedLog().fit(np.full((3, 1), np.nan))
    assert nothing.transform(np.full((3, 1), np.nan)).tolist() == [[0], [0], [0]]
