"""Metrics of the protocol beside ranking: brute force over every resample, scipy for tau."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import kendalltau

from clickward.models_ml.evaluation.bootstrap import Weightings, weightings
from clickward.models_ml.evaluation.metrics.calibration_error import calibration_error
from clickward.models_ml.evaluation.metrics.detection import days_to_detect
from clickward.models_ml.evaluation.metrics.entities import entity_days, precision_at_k
from clickward.models_ml.evaluation.metrics.shift import codes_of, stability_index
from clickward.models_ml.evaluation.metrics.stability import kendall_tau, mean_scores

RNG = np.random.default_rng


def test_precision_at_k_is_the_mean_over_days_of_the_bad_among_the_worst() -> None:
    rng = RNG(1)
    n, k = 600, 3
    days, codes = rng.integers(0, 5, n), rng.integers(-1, 9, n)
    y = (rng.random(n) < 0.2 + 0.6 * (codes % 3 == 0)).astype(float)
    scores = rng.random(n) + 0.3 * y
    weights = weightings(days * 10 + codes + 1, 20, 2)
    got = precision_at_k(entity_days(scores, codes, days, weights), y, weights, k)
    for place, counts in enumerate(weights.blocks):
        weight = counts[weights.places]
        by_day = []
        for day in range(5):
            listed = []
            for code in range(9):
                here = (days == day) & (codes == code)
                if here.any():
                    bad = y[here].mean() >= 0.5
                    # A block drawn twice is an entity that stands twice in the list.
                    listed += [(-scores[here].mean(), bad)] * int(weight[here][0])
            top = sorted(listed, key=lambda entry: entry[0])[:k]
            if top:
                by_day.append(np.mean([bad for _, bad in top]))
        assert got[place] == pytest.approx(np.mean(by_day))
    nobody = entity_days(scores, np.full(n, -1), days, weights)
    assert np.isnan(precision_at_k(nobody, y, weights, k)).all()


def test_calibration_error_over_bins_of_equal_mass() -> None:
    rng = RNG(2)
    scores = rng.random(1000)
    y = (rng.random(1000) < scores).astype(float)
    weights = weightings(rng.integers(0, 30, 1000), 10, 0)
    for claimed in (scores, scores**2):
        got = calibration_error(claimed, y, weights)
        bins = np.searchsorted(np.quantile(claimed, np.arange(1, 10) / 10), claimed)
        assert np.bincount(bins).min() > 95
        for place, counts in enumerate(weights.blocks):
            weight = counts[weights.places]
            error = sum(
                abs(np.sum((weight * (y - claimed))[bins == b])) for b in range(10)
            ) / weight.sum()  # fmt: skip
            assert got[place] == pytest.approx(error)
    assert calibration_error(scores, y, weights)[0] < 0.05
    assert calibration_error(scores**2, y, weights)[0] > 0.12


def test_kendall_tau_equals_scipy_with_ties_and_unknown_entities() -> None:
    rng = RNG(3)
    first = rng.integers(0, 6, (12, 15)).astype(float)
    second = rng.integers(0, 6, (12, 15)).astype(float) + first
    first[:, 3], second[4, 7] = np.nan, np.nan
    for got, a, b in zip(kendall_tau(first, second), first, second, strict=True):
        known = ~(np.isnan(a) | np.isnan(b))
        assert got == pytest.approx(kendalltau(a[known], b[known]).statistic)
    assert np.isnan(kendall_tau(np.ones((1, 4)), second[:1, :4])).all()


def test_mean_scores_are_of_each_entity_under_each_weighting() -> None:
    weights = Weightings(np.array([0, 0, 1, 1]), np.array([[1.0, 1.0], [2.0, 0.0]]))
    got = mean_scores(np.array([1.0, 3.0, 5.0, 7.0]), np.array([0, 0, 0, 1]), weights)
    assert got[0].tolist() == [3.0, 7.0]
    assert got[1][0] == 2.0
    assert np.isnan(got[1][1])


def psi(before: pl.Series, after: pl.Series, blocks: tuple[np.ndarray, np.ndarray]) -> tuple:
    weights = weightings(np.concatenate(blocks), 100, 0)
    old, new, bins = codes_of(before, after)
    found = stability_index(old, new, bins, weights, blocks, 0)
    return found.draws[0], found.limit, old, new, bins


def test_stability_index_by_hand_and_its_limit() -> None:
    rng = RNG(4)
    blocks = rng.integers(0, 40, 2000), 40 + rng.integers(0, 20, 1000)
    same = pl.Series(rng.normal(size=2000)), pl.Series(rng.normal(size=1000))
    value, limit, old, new, bins = psi(*same, blocks)
    p, q = (np.bincount(part, minlength=bins) + 0.5 for part in (old, new))
    p, q = p / p.sum(), q / q.sum()
    assert value == pytest.approx(float(((p - q) * np.log(p / q)).sum()))
    assert value < limit < 0.1
    moved = same[0], same[1] + 0.5
    value, limit, *_ = psi(*moved, blocks)
    assert value > 3 * limit
    # A few rows differ by chance beyond the customary 0.1, which the limit knows.
    few = pl.Series(rng.normal(size=60)), pl.Series(rng.normal(size=30))
    value, limit, *_ = psi(*few, (np.arange(60), 60 + np.arange(30)))
    assert limit > 0.25


def test_the_limit_is_exceeded_as_often_as_it_says_where_days_are_alike() -> None:
    rng = RNG(5)
    exceeded = 0
    for _ in range(100):
        # Rows of a block share a level: rows are not exchangeable, blocks are.
        levels = rng.normal(size=60)
        blocks = rng.integers(0, 40, 800), 40 + rng.integers(0, 20, 400)
        series = [pl.Series(levels[part] + 0.3 * rng.normal(size=len(part))) for part in blocks]
        value, limit, *_ = psi(*series, blocks)
        exceeded += value > limit
    assert exceeded <= 12


def test_bins_hold_equal_masses_categories_and_the_unknown() -> None:
    numbers = pl.Series([1.0, 2.0, None, 4.0, float("nan"), 6.0] * 20)
    old, new, bins = codes_of(numbers, pl.Series([None, 100.0]))
    assert np.flatnonzero(np.bincount(old, minlength=bins)).max() == bins - 1
    assert new.tolist() == [bins - 1, bins - 2]
    texts = pl.Series(["a", "a", "b", None])
    old, new, bins = codes_of(texts, pl.Series(["b", "new", None]))
    assert old.tolist() == [0, 0, 1, 3]
    assert new.tolist() == [1, 2, 3]
    assert bins == 4


def test_days_to_detect_count_from_the_attacks_first_row() -> None:
    days = np.array([10, 11, 12, 12, 13, 14, 14, 30])
    attack = np.array([0, 1, 1, 1, 1, 1, 1, 0])
    flagged = np.array([1, 0, 0, 1, 1, 1, 0, 1.0])
    weights = weightings(np.arange(8), 0, 0)
    # By day 13 two of four, and before that one of three.
    assert days_to_detect(days, attack, flagged, weights).tolist() == [3]
    assert np.isnan(days_to_detect(days, attack, np.zeros(8), weights)).all()
    assert np.isnan(days_to_detect(days, np.zeros(8), flagged, weights)).all()
    # What was missed more than a week before no longer counts.
    late = np.array([0] * 10 + [10, 11])
    caught = np.array([0.0] * 10 + [1, 1])
    assert days_to_detect(
        late, np.ones(12), caught, weightings(np.arange(12), 0, 0)
    ).tolist() == [11]  # fmt: skip
