"""What every family keeps: fit, score, explain, save, load."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import skops.io
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.metrics import roc_auc_score

from clickward.models_ml.estimators import FAMILIES, Estimator, families, family, is_installed
from clickward.models_ml.estimators.parts import load_part
from clickward.models_ml.estimators.preparation.preprocessing import (
    CategoryShares,
    SignedLog,
    TargetRates,
    numbers,
)
from clickward.models_ml.estimators.preparation.subsample import subsample
from clickward.models_ml.estimators.reasons import top_reasons
from clickward.models_ml.training.run import build_estimator
from clickward.warehouse.errors import UsageError, UserError


class Untouchable:
    """Labels that may not be looked at."""

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"an unsupervised model looked at y.{name}")

    def __len__(self) -> int:
        raise AssertionError("an unsupervised model looked at len(y)")

    def __iter__(self) -> object:
        raise AssertionError("an unsupervised model iterated y")


Data = tuple[pl.DataFrame, np.ndarray]
Fitted = Callable[..., Estimator]
Features = Callable[[str], pl.DataFrame]
# Constant by definition.
BLIND = {"prior"}
ALL = [name for name in FAMILIES if is_installed(name)]


@pytest.mark.parametrize("name", ALL)
def test_finds_the_signal_and_repeats_to_the_bit(
    name: str, features: Features, data: Data, fitted: Fitted
) -> None:
    X, y = features(name), data[1]
    scores = fitted(name).predict_score(X)
    assert scores.dtype == np.float64
    assert roc_auc_score(y, scores) > 0.85 or name in BLIND
    assert np.array_equal(scores, fitted(name, again=True).predict_score(X))
    assert clone(fitted(name)).get_params() == fitted(name).get_params()


@pytest.mark.parametrize("name", ALL)
def test_a_score_depends_on_its_row_alone(name: str, features: Features, fitted: Fitted) -> None:
    X = features(name).head(500)
    model = fitted(name)
    whole, reasons = model.predict_score(X), model.explain(X)
    assert reasons.shape == (X.height, X.width)
    parts = [X[i : i + 37] for i in range(0, X.height, 37)]
    assert np.array_equal(np.concatenate([model.predict_score(p) for p in parts]), whole)
    assert np.array_equal(np.vstack([model.explain(p) for p in parts]), reasons)
    assert model.predict_score(X.head(0)).shape == (0,)


@pytest.mark.parametrize("name", ALL)
def test_save_and_load(name: str, features: Features, fitted: Fitted, tmp_path: Path) -> None:
    X = features(name)
    model = fitted(name)
    model.save(tmp_path)
    loaded = family(name).load(tmp_path)
    assert loaded.get_params() == model.get_params()
    assert np.array_equal(loaded.predict_score(X), model.predict_score(X))
    assert np.array_equal(loaded.explain(X), model.explain(X))
    suffixes = {path.suffix for path in tmp_path.rglob("*")}
    assert suffixes <= {".json", ".skops", ".ubj", ".npz"}


@pytest.mark.parametrize("name", ALL)
def test_unseen_categories_and_unknowns_score(
    name: str, features: Features, fitted: Fitted
) -> None:
    X = features(name)
    strange = X.head(3).with_columns(
        network=pl.Series(["never seen", None, "good"]),
        ctit=pl.lit(None, pl.Float64),
        clicks=pl.Series([10**9, 0, None]),
    )
    assert np.isfinite(fitted(name).predict_score(strange)).all()
    assert np.isfinite(fitted(name).explain(strange)).all()


@pytest.mark.parametrize("name", [name for name in ALL if name not in BLIND])
def test_reasons_of_frauds_name_what_makes_them_so(
    name: str, features: Features, data: Data, fitted: Fitted
) -> None:
    X, y = features(name), data[1]
    model = fitted(name)
    first = model.explain(X).argmax(axis=1)
    worst = np.argsort(-model.predict_score(X), kind="stable")[:50]
    named = [X.columns[j] for j in first[worst[y[worst] == 1]]]
    telling = {"network", "clicks", "ctit", "device__last_4_click_seconds_7d"}
    assert len(named) >= 30
    assert sum(feature in telling for feature in named) > 0.9 * len(named)


@pytest.mark.parametrize("name", [name for name in ALL if not family(name).reads_sequences])
def test_sequences_beside_the_features_change_nothing(
    name: str, data: Data, fitted: Fitted
) -> None:
    X, y = data
    lists = pl.Series("device__last_3_gap", [[1.0, 2.0]] * X.height)
    beside = pl.concat([X[:, :2], lists.to_frame(), X[:, 2:]], how="horizontal")
    model = clone(fitted(name)).fit(beside, y if family(name).is_supervised else None)
    assert np.array_equal(model.predict_score(beside), fitted(name).predict_score(X))
    reasons = model.explain(beside)
    assert np.array_equal(reasons[:, [0, 1, 3, 4, 5]], fitted(name).explain(X))
    assert not reasons[:, 2].any()


@pytest.mark.parametrize("name", [name for name in ALL if not family(name).is_supervised])
def test_unsupervised_never_sees_labels(
    name: str, data: Data, parameters: dict[str, dict[str, Any]]
) -> None:
    X, _ = data
    build_estimator(name, parameters.get(name, {}), 0).fit(X.head(300), Untouchable())


def test_the_check_on_labels_would_see_a_look() -> None:
    X = pl.DataFrame({"a": [1.0, 2.0]})
    with pytest.raises(AssertionError, match="looked at"):
        family("xgboost")().fit(X, Untouchable())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ALL)
def test_calibrated_scores_are_probabilities(
    name: str, features: Features, data: Data, fitted: Fitted
) -> None:
    X, y = features(name), data[1]
    model = fitted(name)
    if not model.is_calibrated:
        assert not hasattr(model, "predict_proba")
        return
    both = model.predict_proba(X)
    assert np.allclose(both.sum(axis=1), 1)
    assert both.min() >= 0
    assert both[:, 1].mean() == pytest.approx(y.mean(), abs=0.02)


@pytest.mark.parametrize("name", ALL)
def test_every_family_says_what_it_is(name: str) -> None:
    kind = family(name)
    assert kind.name == name
    assert kind.kind in ("baseline", "unsupervised", "supervised", "deep")
    assert kind.is_supervised == (kind.kind in ("supervised", "deep") or name == "prior")
    assert kind().get_params()["random_state"] == 0
    assert set(kind.search_space) <= set(kind().get_params())
    for parameter, values in kind.search_space.items():
        default = kind().get_params()[parameter]
        assert default in values, f"{name}: {parameter}={default} lies outside {values}"


@pytest.mark.parametrize("name", [name for name in ALL if family(name).max_rows])
def test_above_its_limit_a_family_learns_from_a_stated_subsample(
    name: str,
    features: Features,
    data: Data,
    fitted: Fitted,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    X, y = features(name), data[1]
    monkeypatch.setattr(family(name), "max_rows", 1500)
    model = clone(fitted(name)).fit(X, y if family(name).is_supervised else None)
    assert model.subsampled_ == (1500, 3000)
    model.save(tmp_path)
    assert json.loads((tmp_path / "estimator.json").read_text())["subsampled"] == [1500, 3000]
    assert family(name).load(tmp_path).subsampled_ == (1500, 3000)
    again = clone(model).fit(X, y if family(name).is_supervised else None)
    assert np.array_equal(again.predict_score(X), model.predict_score(X))
    assert fitted(name).subsampled_ is None


def test_a_subsample_keeps_the_share_of_each_class() -> None:
    labels = (np.arange(10_000) % 50 == 0).astype(np.uint8)
    kept = subsample(10_000, 1000, labels, 0)
    assert len(np.unique(kept)) == 1000
    assert labels[kept].sum() == 20
    assert (np.diff(kept) > 0).all()
    assert np.array_equal(kept, subsample(10_000, 1000, labels, 0))
    assert not np.array_equal(kept, subsample(10_000, 1000, labels, 1))
    rare = np.zeros(10_000, dtype=np.uint8)
    rare[77] = 1
    assert rare[subsample(10_000, 100, rare, 0)].sum() == 1
    assert len(subsample(10_000, 1000, None, 0)) == 1000


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


def test_other_columns_are_refused(data: Data, fitted: Fitted) -> None:
    X, _ = data
    with pytest.raises(ValueError, match="expected columns"):
        fitted("xgboost").predict_score(X.select(reversed(X.columns)))


def test_names_are_checked() -> None:
    with pytest.raises(UsageError, match="no model 'x'"):
        family("x")
    with pytest.raises(UsageError, match="no parameter depth"):
        build_estimator("xgboost", {"depth": 3}, 0)
    assert families("all") == ALL
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
