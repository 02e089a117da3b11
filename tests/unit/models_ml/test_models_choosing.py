"""Thresholds by money, rate and capacity against brute force; agreement of two models."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from clickward.models_ml.evaluation.economics import Costs, net_saved
from clickward.models_ml.evaluation.thresholds import Holdout, choose, uniform
from clickward.models_ml.scoring.agreement import compare
from clickward.warehouse.errors import UsageError, UserError


def holdout(n: int = 400, seed: int = 0) -> Holdout:
    """Two days of scores with many ties."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.2).astype(np.uint8)
    scores = np.round(rng.normal(0.4 + 0.3 * y, 0.15), 2)
    times = np.datetime64("2026-03-01", "ms") + np.sort(rng.integers(0, 2 * 86_400_000, n))
    return Holdout(scores, y, times)


@pytest.mark.parametrize("seed", range(5))
def test_money_is_the_best_of_all_thresholds(seed: int) -> None:
    found = holdout(seed=seed)
    payoffs = uniform(len(found.y), Costs(payout=2.0, dispute_cost=1.0, review_cost=0.1))
    choice = choose(found, "money", payoffs)
    saved = {
        t: net_saved(payoffs, found.y == 1, (found.scores >= t).astype(float)).sum()
        for t in np.unique(found.scores)
    }
    assert saved[choice.threshold] == pytest.approx(max(saved.values()))
    assert choice.basis["net_saved"] == pytest.approx(max(saved.values()), abs=0.01)
    assert choice.basis["flagged"] == (found.scores >= choice.threshold).sum()
    # Dearer mistakes never lower the threshold.
    dear = choose(found, "money", uniform(len(found.y), Costs(2.0, 20.0, 0.1)))
    assert dear.threshold >= choice.threshold
    with pytest.raises(UserError, match="no threshold saves money"):
        choose(found, "money", uniform(len(found.y), Costs(2.0, 1.0, 50.0)))


def test_capacity_is_kept_and_used() -> None:
    found = holdout()
    choice = choose(found, "capacity", capacity="30/day")
    flagged = (found.scores >= choice.threshold).sum()
    lower = (found.scores >= found.scores[found.scores < choice.threshold].max()).sum()
    assert flagged <= 30 * found.days < lower
    assert choice.basis["flagged_per_day"] <= 30
    assert choice.basis["busiest_day"] <= flagged
    assert choose(found, "capacity", capacity="210/week").threshold == choice.threshold
    assert choose(found, "capacity", capacity="100000/hour").threshold == found.scores.min()
    for text in ("many", "0/day", "5/year"):
        with pytest.raises(UsageError, match="is no capacity"):
            choose(found, "capacity", capacity=text)


def test_rate_holds_and_mistakes_are_named() -> None:
    found = holdout()
    choice = choose(found, "fpr", rate=0.02)
    negatives = found.scores[found.y == 0]
    assert (negatives >= choice.threshold).mean() <= 0.02
    assert (choice.name, choice.max_false_positive_rate) == ("fpr_2pct", 0.02)
    assert choose(found, "balanced").name == "balanced"
    for by, message in (("fpr", "needs a rate"), ("capacity", "needs one"), ("luck", "no way")):
        with pytest.raises(UsageError, match=message):
            choose(found, by)
    with pytest.raises(UsageError, match="not between 0 and 1"):
        choose(found, "fpr", rate=2.0)


def test_a_holdout_comes_back_to_the_bit(tmp_path: Path) -> None:
    found = holdout()
    found.save(tmp_path)
    loaded = Holdout.load(tmp_path)
    for name in ("scores", "y", "times"):
        assert np.array_equal(getattr(loaded, name), getattr(found, name))
    with pytest.raises(UserError, match="before holdouts were kept"):
        Holdout.load(tmp_path / "elsewhere")


def test_agreement_counts_and_ranks() -> None:
    scores = pl.DataFrame(
        {
            "subject_id": ["a", "b", "c", "d", "e"],
            "subject_at": [None] * 5,
            "champion_score": [0.9, 0.8, 0.5, 0.2, 0.1],
            "champion_flagged": [1, 1, 0, 0, 0],
            "challenger_score": [9.0, 1.0, 8.0, 3.0, 2.0],
            "challenger_flagged": [1, 0, 1, 0, 0],
        }
    )
    found = compare("x", "y", scores, top=1)
    counts = (found.both, found.champion_only, found.challenger_only, found.none)
    assert counts == (1, 1, 1, 2)
    # By hand: ranks 5 4 3 2 1 and 5 1 4 3 2, squared differences 0 9 1 1 1.
    assert found.rank_correlation == pytest.approx(1 - 6 * 12 / (5 * 24))
    assert found.top["subject_id"].to_list() == ["b"]
    assert found.top["apart"].to_list() == pytest.approx([0.6])
    flat = compare("x", "y", scores.with_columns(challenger_score=1.0), top=0)
    assert flat.rank_correlation is None
    assert flat.top.is_empty()
