"""Edges of score bins for any scores and thresholds, tied ones among them; no engine."""

from bisect import bisect_right

from hypothesis import example, given
from hypothesis import strategies as st

from clickward.analysis.explorer.edges import BINS, with_thresholds
from clickward.analysis.explorer.resolution import LEVELS, begins
from clickward.analysis.explorer.scope import Version

# Few distinct values, so that ties and thresholds equal to scores are the rule.
few = st.sampled_from([0.0, 0.2, 0.25, 0.5, 0.9, 1.0])
some = st.one_of(few, st.floats(-2, 2, allow_subnormal=False))
EVEN = [n / 300 for n in range(301)]


def quantiles(scores: list[float]) -> list[float]:
    """Least, low quantiles of a hundred equal parts, greatest: scores themselves."""
    ordered = sorted(scores)
    low = [ordered[(len(ordered) - 1) * level // BINS] for level in range(BINS)]
    return [ordered[0], *low, ordered[-1]]


@given(scores=st.lists(some, min_size=1, max_size=300), thresholds=st.lists(some, max_size=40))
@example(scores=[0.5] * 10, thresholds=[0.5])
@example(scores=[0.0, 1.0], thresholds=[1.0, 1.0, 0.0])
@example(scores=EVEN, thresholds=[0.5, 1.0, 0.0])
@example(scores=EVEN, thresholds=[0.99 + n / 5000 for n in range(40)])
def test_every_threshold_is_an_edge_and_parts_rows_exactly(
    scores: list[float], thresholds: list[float]
) -> None:
    named = {str(place): value for place, value in enumerate(thresholds)}
    found = with_thresholds(quantiles(scores), len(scores), Version("v", "f", "", None, named))
    edges = found.edges
    assert found.n == len(scores)
    assert (edges[0], edges[-1]) == (min(scores), max(scores))
    assert edges[:-1] == sorted(set(edges[:-1])), "ascending, once each"
    assert edges[-2] <= edges[-1]
    parting = {one for one in thresholds if min(scores) < one <= max(scores)}
    assert [edges[bin_] for bin_ in found.marked] == sorted(parting)
    assert len(edges) <= BINS + 2 + len(parting)
    placed = [min(bisect_right(edges, score) - 1, found.bins - 1) for score in scores]
    for threshold in parting:
        first = edges.index(threshold)
        above = sum(score >= threshold for score in scores)
        assert sum(bin_ >= first for bin_ in placed) == above
        for level in range(len(LEVELS)):
            assert first in begins(found, level), "bins are never joined across a threshold"


@given(scores=st.lists(some, min_size=1, max_size=300), thresholds=st.lists(few, max_size=5))
def test_thresholds_take_the_place_of_quantiles(
    scores: list[float], thresholds: list[float]
) -> None:
    named = {str(place): value for place, value in enumerate(thresholds)}
    found = with_thresholds(quantiles(scores), len(scores), Version("v", "f", "", None, named))
    # A few quantiles give way to as many thresholds, and each other one stays.
    lost = set(quantiles(scores)) - set(found.edges)
    assert len(lost) <= len(set(thresholds))
