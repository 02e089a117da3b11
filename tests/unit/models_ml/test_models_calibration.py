"""Calibration: monotone, honest on fresh data, kept without pickle, refused where it cannot be."""

from pathlib import Path

import numpy as np
import pytest

from clickward.models_ml.estimators import family
from clickward.models_ml.estimators.calibration import (
    ISOTONIC,
    ISOTONIC_FROM,
    NONE,
    OWN,
    SIGMOID,
    Calibration,
    fit_calibration,
    method_for,
)
from clickward.warehouse.errors import UsageError, UserError


def drawn(n: int, seed: int, prior: float = -2.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Anomaly-like scores, labels, and the true probabilities behind them."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0.5, 0.1, n)
    true = 1 / (1 + np.exp(-((scores - 0.5) * 25 + prior)))
    return scores, (rng.random(n) < true).astype(np.uint8), true


@pytest.mark.parametrize("method", [SIGMOID, ISOTONIC])
def test_probabilities_are_right_on_fresh_scores_and_keep_the_order(method: str) -> None:
    scores, y, _ = drawn(20_000, 1)
    calibration = fit_calibration(scores, y, method)
    fresh, _, true = drawn(20_000, 2)
    found = calibration.probability(fresh)
    assert np.abs(found - true).mean() < 0.02
    order = np.argsort(fresh)
    assert (np.diff(found[order]) > 0).all()
    # Far outside what was seen too, and equal scores stay equal.
    ends = calibration.probability(np.array([-1.0, 0.0, 1.0, 1.0, 2.0]))
    assert (np.diff(ends)[[0, 1, 3]] >= 0).all()
    assert ends[2] == ends[3]
    assert (ends >= 0).all()
    assert (ends <= 1).all()


def test_few_positives_take_the_sigmoid_many_the_steps() -> None:
    scores, y, _ = drawn(1_000, 3)
    assert fit_calibration(scores, y).method == SIGMOID
    many, labels, _ = drawn(20_000, 3)
    assert labels.sum() > ISOTONIC_FROM
    assert fit_calibration(many, labels).method == ISOTONIC


def test_platts_targets_keep_separated_classes_finite() -> None:
    scores = np.array([0.1] * 50 + [0.9] * 5)
    y = np.array([0] * 50 + [1] * 5)
    low, high = fit_calibration(scores, y).probability(np.array([0.1, 0.9]))
    assert low == pytest.approx(1 / 52, abs=1e-3)
    assert high == pytest.approx(6 / 7, abs=1e-3)


@pytest.mark.parametrize("method", [SIGMOID, ISOTONIC])
def test_saved_and_fitted_anew_it_is_the_same_to_the_bit(tmp_path: Path, method: str) -> None:
    scores, y, _ = drawn(3_000, 4)
    calibration = fit_calibration(scores, y, method)
    assert fit_calibration(scores, y, method) == calibration
    calibration.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["calibration.json"]
    loaded = Calibration.load(tmp_path)
    assert loaded == calibration
    assert np.array_equal(loaded.probability(scores), calibration.probability(scores))
    assert Calibration.load(tmp_path / "elsewhere") is None


def test_what_cannot_be_calibrated_is_refused() -> None:
    scores, y, _ = drawn(1_000, 5)
    with pytest.raises(UserError, match="do not rise with the labels"):
        fit_calibration(-scores, y)
    with pytest.raises(UserError, match="0 positives and 1,000 negatives"):
        fit_calibration(scores, np.zeros(1_000, dtype=np.uint8))


def test_who_is_calibrated() -> None:
    assert method_for(family("xgboost")()) == OWN
    assert method_for(family("xgboost")(scale_pos_weight=20.0)) == "auto"
    assert method_for(family("logistic_regression")(class_weight="balanced")) == "auto"
    # Labels reach an unsupervised family only where that is asked for.
    assert method_for(family("isolation_forest")()) == NONE
    assert method_for(family("isolation_forest")(), SIGMOID) == SIGMOID
    with pytest.raises(UsageError, match="no calibration 'magic'"):
        method_for(family("xgboost")(), "magic")
