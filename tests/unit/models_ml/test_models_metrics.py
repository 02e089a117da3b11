"""Metrics against scikit-learn, thresholds against counting, intervals against brute force."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from clickward.models_ml.evaluation.bootstrap import interval, weightings
from clickward.models_ml.evaluation.economics import Payoffs
from clickward.models_ml.evaluation.measurement import (
    Labels,
    Measurement,
    Rows,
    Scored,
    evaluate,
    flag,
    unmeasured,
)
from clickward.models_ml.evaluation.metrics import (
    Ranking,
    balanced_threshold,
    rank_metrics,
    ranked,
    threshold_at_fpr,
)
from clickward.models_ml.evaluation.metrics.ranking import cumulated
from clickward.models_ml.evaluation.pooling import pool

rows = st.lists(
    st.tuples(st.integers(0, 8), st.booleans(), st.integers(0, 3)), min_size=2, max_size=40
)


@given(rows)
def test_equals_scikit_learn_with_ties_and_weights(found: list[tuple[int, bool, int]]) -> None:
    scores = np.array([s / 8 for s, _, _ in found])
    y = np.array([int(p) for _, p, _ in found])
    weights = np.array([[w for _, _, w in found], [1] * len(found)], dtype=float)
    ranking = Ranking(scores)
    drawn = weights[:, ranking.order]
    values = ranked(ranking, ranking.positions(y == 1), drawn, cumulated(drawn))
    # Weight 0 is a row left out, weight 2 a row twice.
    for place, weighting in enumerate(weights.astype(int)):
        kept_scores, kept_y = np.repeat(scores, weighting), np.repeat(y, weighting)
        if 0 < kept_y.sum() < len(kept_y):
            assert values[0][place] == pytest.approx(average_precision_score(kept_y, kept_scores))
            assert values[1][place] == pytest.approx(roc_auc_score(kept_y, kept_scores))
        else:
            assert np.isnan(values[0][place])
            assert np.isnan(values[1][place])
    if 0 < y.sum() < len(y):
        assert rank_metrics(scores, y)["roc_auc"] == pytest.approx(roc_auc_score(y, scores))


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60), st.sampled_from([0.001, 0.1, 0.5, 1]))
def test_threshold_never_exceeds_its_rate_and_is_the_lowest(found: list[int], rate: float) -> None:
    negatives = np.array(found, dtype=float)
    threshold = threshold_at_fpr(negatives, rate)
    assert threshold is not None
    assert (negatives >= threshold).mean() <= rate
    below = negatives[negatives < threshold]
    if len(below):
        assert (negatives >= below.max()).mean() > rate


def test_no_negatives_no_threshold() -> None:
    assert threshold_at_fpr(np.array([]), 0.1) is None


def test_every_metric_and_its_interval_equal_brute_force_over_blocks() -> None:
    rng = np.random.default_rng(3)
    n = 300
    blocks = rng.integers(0, 12, n)
    y = (rng.random(n) < 0.1 + 0.03 * (blocks % 5)).astype(np.uint8)
    scores = np.round(rng.normal(size=n) + y, 1)
    payoffs = Payoffs(rng.random(n), rng.random(n), rng.random(n))
    flagged = (scores >= 1).astype(float)
    found = evaluate(
        Scored(
            scores,
            Labels(y, y, None),
            {"fpr_0.5pct": flagged},
            Rows(blocks, np.zeros(n, dtype=np.int64), {}, payoffs),
        ),
        resamples=60,
        seed=5,
    )
    drawn = np.random.default_rng(5).multinomial(12, np.full(12, 1 / 12), size=60)
    values = []
    for counts in drawn:
        picked = np.repeat(np.arange(n), counts[blocks])
        p, f = y[picked] == 1, flagged[picked] == 1
        worth = np.where(
            p, payoffs.payout[picked], -payoffs.payout[picked] - payoffs.dispute_cost[picked]
        )
        values.append(
            {
                "average_precision": average_precision_score(p, scores[picked]),
                "roc_auc": roc_auc_score(p, scores[picked]),
                "recall_at_fpr_0.5pct": f[p].mean(),
                "fpr_reached_fpr_0.5pct": f[~p].mean(),
                "precision_at_fpr_0.5pct": p[f].mean(),
                "net_saved_at_fpr_0.5pct": (worth - payoffs.review_cost[picked])[f].sum(),
                "positives": p.sum(),
            }
        )
    for metric in values[0]:
        low, high = np.quantile([value[metric] for value in values], [0.025, 0.975])
        got = one(found, "matured", metric)
        assert (got.low, got.high) == (pytest.approx(low), pytest.approx(high))
        assert got.low < got.value < got.high
        assert (got.n, got.labels) == (n, "matured")


def one(found: list[Measurement], name: str, metric: str) -> Measurement:
    [match] = [m for m in found if (m.segment, m.metric) == (name, metric)]
    return match


def coverage(is_blocked: bool) -> float:
    """How often an interval holds the true rate where rows of a block share their luck."""
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        blocks = np.repeat(np.arange(40), 25)
        rates = rng.beta(3, 7, 40)  # mean 0.3
        values = (rng.random(1000) < rates[blocks]).astype(float)
        weights = weightings(blocks if is_blocked else np.arange(1000), 200, seed)
        sums = weights.sums(np.column_stack([values, np.ones(1000)]))
        found = interval(sums[:, 0] / sums[:, 1])
        covered += bool(found.low <= 0.3 <= found.high)
    return covered / 200


def test_blocks_cover_the_truth_as_often_as_they_say_and_rows_do_not() -> None:
    assert 0.88 <= coverage(is_blocked=True) <= 0.99
    assert coverage(is_blocked=False) < 0.8


def test_a_resample_draws_as_many_blocks_as_there_are() -> None:
    weights = weightings(np.repeat(np.arange(500), 2), 3, 0)
    assert weights.blocks.sum(axis=1).tolist() == [500] * 4
    assert weights.blocks[0].tolist() == [1] * 500
    assert 0.30 < (weights.blocks[1] == 0).mean() < 0.44


def test_undefined_resamples_and_few_blocks_give_no_interval() -> None:
    draws = np.array([0.5, *[0.4] * 90, *[np.nan] * 10])
    assert interval(draws).low is None
    assert interval(draws).value == 0.5
    assert interval(np.array([np.nan, 1.0])).value is None
    few = weightings(np.array([0, 0, 1, 1]), 10, 0)
    assert not few.has_intervals


def test_basic_intervals_turn_percentiles_about_the_estimate() -> None:
    draws = np.concatenate([[1.0], np.linspace(1.0, 1.4, 101)])
    found = interval(draws, basic=True)
    assert found.low == pytest.approx(2 - 1.39)
    assert found.high == pytest.approx(1.0)


def test_too_few_positives_give_a_value_without_interval() -> None:
    y = np.zeros(500, dtype=np.uint8)
    y[7] = 1
    got = one(evaluate(Scored(np.arange(500.0), Labels(y, y, None)), 200, 0), "known", "roc_auc")
    assert got.value is not None
    assert (got.low, got.high) == (None, None)


def test_no_positives_is_undefined_not_hidden() -> None:
    y = np.zeros(50, dtype=np.uint8)
    scores = np.arange(50.0)
    scored = Scored(scores, Labels(y, y, None), flag(scores, {"fpr_0.1pct": 40.0}))
    found = evaluate(scored, 50, 0)
    assert one(found, "known", "average_precision").value is None
    assert one(found, "known", "recall_at_fpr_0.1pct").value is None
    assert one(found, "known", "fpr_reached_fpr_0.1pct").value == pytest.approx(0.2)
    # A threshold that could not be set is undefined too.
    assert one(found, "known", "fpr_reached_fpr_0.5pct").value is None


def test_attacks_measure_recall_on_their_own_rows() -> None:
    attacks = pl.Series(["farm", None, "farm", "spoof", None])
    y = np.array([1, 0, 0, 1, 0], dtype=np.uint8)
    scores = np.array([0.9, 0.8, 0.1, 0.7, 0.2])
    flags = flag(scores, {"fpr_0.1pct": 0.5, "fpr_0.5pct": 0.5})
    unseen = np.array([False, False, False, True, False])
    found = evaluate(Scored(scores, Labels(y, y, attacks, None, unseen), flags), 50, 0)
    farm = one(found, "true:farm", "recall_at_fpr_0.1pct")
    assert (farm.value, farm.n, farm.labels) == (0.5, 2, "true")
    assert one(found, "true:spoof", "recall_at_fpr_0.5pct").value == 1.0
    assert one(found, "true", "recall_at_fpr_0.5pct").value == pytest.approx(2 / 3)
    assert one(found, "known", "recall_at_fpr_0.5pct").value == 1.0
    assert not [m for m in found if m.segment == "true:farm" and m.metric == "roc_auc"]
    # What training never saw has segments of its own.
    assert one(found, "unseen", "recall_at_fpr_0.1pct").n == 1
    assert one(found, "unseen:spoof", "days_to_detect_fpr_0.1pct").value == 1
    assert not [m for m in found if m.segment == "unseen:farm"]


def test_without_truth_the_attacks_are_the_verdicts() -> None:
    y = np.array([1, 0, 1], dtype=np.uint8)
    named = pl.Series(["farm", None, None], dtype=pl.String)
    labels = Labels(y, y, None, named, np.array([True, False, False]))
    segments = {part.name: part.labels for part in labels.parts()}
    assert segments == {
        "known": "known", "matured": "matured", "matured:farm": "matured",
        "unseen": "matured", "unseen:farm": "matured",
    }  # fmt: skip


def test_pool_keeps_each_folds_own_flags() -> None:
    y = np.array([1, 0], dtype=np.uint8)
    first = Scored(np.array([0.4, 0.1]), Labels(y, y, None), {"a": np.array([1.0, 0.0])})
    second = Scored(np.array([0.9, 0.8]), Labels(y, y, None), {"a": np.array([0.0, 0.0])})
    pooled = pool([first, second])
    assert pooled.flags["a"].tolist() == [1, 0, 0, 0]
    assert pooled.scores.tolist() == [0.4, 0.1, 0.9, 0.8]


def test_an_unfitted_model_has_the_same_rows_all_undefined() -> None:
    y = np.array([1, 0, 0], dtype=np.uint8)
    labels = Labels(y, y, pl.Series(["farm", None, None]))
    scores = np.array([3.0, 2.0, 1.0])
    usual = evaluate(Scored(scores, labels, is_calibrated=True), 20, 0)
    undefined = unmeasured(labels, is_calibrated=True)
    assert {(m.segment, m.metric, m.n) for m in usual} == {
        (m.segment, m.metric, m.n) for m in undefined
    }
    assert {m.value for m in undefined} == {None}


def test_balanced_threshold_bears_frauds_nobody_found() -> None:
    dice = np.random.default_rng(3)
    fraud = np.arange(4000) < 600
    scores = np.where(fraud, dice.normal(2.5, 1, 4000), dice.normal(0, 1, 4000))
    found = fraud & (dice.random(4000) < 0.5)
    full, partial = balanced_threshold(scores, fraud), balanced_threshold(scores, found)
    assert full is not None
    assert partial == pytest.approx(full, abs=0.4)
    # A rate measured on negatives is spoilt by the frauds among them.
    strict = threshold_at_fpr(scores[~found], 0.005)
    assert strict is not None
    assert (scores[fraud] >= strict).mean() < 0.1 < 0.7 < (scores[fraud] >= partial).mean()


def test_balanced_threshold_is_the_best_of_all_thresholds() -> None:
    dice = np.random.default_rng(5)
    scores, y = dice.integers(0, 12, 300).astype(float), dice.integers(0, 2, 300)

    def worth(threshold: float) -> float:
        flagged = scores >= threshold
        return float(y[flagged].sum() / y.sum()) ** 2 / float(flagged.mean())

    chosen = balanced_threshold(scores, y)
    assert chosen is not None
    assert worth(chosen) == pytest.approx(max(worth(value) for value in set(scores.tolist())))
    assert balanced_threshold(scores, np.zeros(300)) is None
