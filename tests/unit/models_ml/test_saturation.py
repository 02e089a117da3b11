"""What training never saw carries no weight, ranks stay apart, and flat scores are a failure."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickward.models_ml.estimators import EXTRAS, FAMILIES, family
from clickward.models_ml.estimators.preparation.preprocessing import Standard, probability
from clickward.models_ml.evaluation.flatness import Spread, failure_of

STANDARDISED = [
    "k_means", "hdbscan", "local_outlier_factor", "elliptic_envelope", "gaussian_mixture",
    "gaussian_mixture_classes", "linear_svm", "rbf_svm", "logistic_regression", "neural_net",
    "torch_net",
]  # fmt: skip
HERE = [
    pytest.param(name, marks=pytest.mark.needs("torch") if name in EXTRAS else ())
    for name in STANDARDISED
]
N = 1200


def data(seed: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = (rng.random(N) < 0.2).astype(np.uint8)
    return pl.DataFrame(
        {
            "clicks": rng.poisson(3 + 20 * y).astype(float),
            "seconds": rng.lognormal(5 - 2 * y, 1),
            "os": rng.choice(["android", "ios"], N),
        }
    ), y


NOISE = np.random.default_rng(9).choice([0.0, 1.0, -1.0], N)
# A feature as training saw it, and as it comes later.
BLIND: dict[str, tuple[Any, Any]] = {
    "constant": (np.full(N, 14.0), 17.0),
    "large constant": (np.full(N, 1.7e9 + 0.3), 3.0),
    "rounding of double precision": (0.3 + NOISE * 1e-16 * 2, 0.9),
    "rounding of single precision": (np.float32(0.3) + NOISE * 1.5e-8, 0.0),
    "always unknown": (np.full(N, np.nan), 5.0),
    "infinite": (np.full(N, np.inf), 1e300),
}


@pytest.mark.parametrize("case", BLIND)
@pytest.mark.parametrize("name", HERE)
def test_what_did_not_vary_in_training_carries_no_weight(name: str, case: str) -> None:
    seen, later = BLIND[case]
    X, y = data()
    kind = family(name)
    blind = pl.Series("hour", seen, dtype=pl.Float64).fill_nan(None)
    trained = X.with_columns(blind)
    model = kind().fit(trained, y if kind.is_supervised else None)
    given = trained.with_columns(hour=pl.lit(later))
    scores = model.predict_score(given)
    assert np.isfinite(scores).all()
    assert np.allclose(scores, model.predict_score(trained), rtol=1e-9, atol=1e-12)
    assert np.abs(model.explain(given)[:, 3]).max() < 1e-9
    assert failure_of(kind.kind, scores) is None
    if kind.is_supervised:
        assert scores[y == 1].mean() > scores[y == 0].mean()


@pytest.mark.parametrize("name", HERE)
def test_values_beyond_those_of_training_count_as_its_ends(name: str) -> None:
    X, y = data()
    kind = family(name)
    model = kind().fit(X, y if kind.is_supervised else None)
    at_ends = X.with_columns(clicks=pl.lit(X["clicks"].max()), seconds=pl.lit(X["seconds"].min()))
    beyond = X.with_columns(clicks=pl.lit(1e18), seconds=pl.lit(-1e18))
    assert np.array_equal(model.predict_score(beyond), model.predict_score(at_ends))


def test_a_standard_keeps_the_spread_it_can_tell_from_rounding() -> None:
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.normal(1e3, 1, 500), rng.normal(1, 1e-3, 500), np.ones(500)])
    scaled = Standard().fit(values).transform(values)
    assert np.allclose(scaled[:, :2].mean(axis=0), 0, atol=1e-9)
    assert np.allclose(scaled[:, :2].std(axis=0), 1)
    assert not scaled[:, 2].any()


def test_probabilities_keep_their_order_where_they_saturate() -> None:
    odds = np.arange(-2000, 2000.5, 0.5)
    found = probability(odds)
    assert (np.diff(found) > 0).all()
    assert 0 < found.min() < found.max() < 1
    plain = np.abs(odds) <= 18
    assert np.array_equal(found[plain], 1 / (1 + np.exp(-odds[plain])))


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=40))
def test_probabilities_never_reorder(odds: list[float]) -> None:
    rising = np.sort(np.array(odds))
    assert (np.diff(probability(rising)) >= 0).all()


@pytest.mark.parametrize("name", ["logistic_regression", "neural_net"])
def test_a_surely_parted_world_is_still_ranked(name: str) -> None:
    """Log-odds of a hundred and more, as hours of training make them, and no two rows alike."""
    rng = np.random.default_rng(1)
    y = (rng.random(N) < 0.5).astype(np.uint8)
    X = pl.DataFrame({f"f{i}": rng.normal(y * 8, 1) for i in range(12)})
    model: Any = family(name)().fit(X, y)
    if name == "logistic_regression":
        model.model_.coef_ *= 30
        odds = model.explain(X).sum(axis=1) + model.model_.intercept_[0]
    else:
        model.weights_[-1] *= 30
        odds = model._log_odds(model._matrix(X))
    scores = model.predict_score(X)
    assert odds.max() > 60, "plain probabilities would be 1"
    rising = np.argsort(odds, kind="stable")
    assert (np.diff(scores[rising]) >= 0).all()
    assert len(np.unique(scores)) > 0.99 * len(np.unique(odds))


def test_flat_scores_are_told_from_few_values() -> None:
    flat = np.full(96_918, 1.0)
    assert failure_of("supervised", flat) == ("the model failed: every one of 96,918 scores is 1")
    nearly = flat - np.arange(len(flat)) * 1e-16
    nearly[:90] = 0.25
    assert failure_of("supervised", nearly) == "the model failed: 96,828 of 96,918 scores is 1"
    nearly[:97] = 0.25
    assert failure_of("supervised", nearly) is None
    assert failure_of("baseline", flat) is None
    assert failure_of("supervised", np.ones(19)) is None
    assert failure_of("supervised", np.repeat([0.0, 1.0], [990, 10])) is None
    # Tiny ones are apart.
    assert failure_of("supervised", np.geomspace(1e-300, 1e-290, 1000)) is None
    spread = Spread()
    for batch in np.split(np.append(flat, [2.0, 3.0]), 8):
        spread.add(batch)
    assert spread.failure == "the model failed: 96,918 of 96,920 scores is 1"
    many = Spread()
    for start in range(3):
        many.add(np.random.default_rng(start).random(60_000))
    assert many.failure is None


def test_every_family_that_standardises_is_here() -> None:
    from clickward.models_ml.estimators.dense import OnDense

    found = {name for name in FAMILIES if issubclass(family(name), OnDense)}
    assert found == set(STANDARDISED)
