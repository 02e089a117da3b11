"""Edges of score bins: a hundred bins of equal count, with a model's thresholds among the edges."""

from bisect import bisect_left
from dataclasses import dataclass

from clickward.analysis.explorer.scope import Scope, Version

BINS = 100
# Above this many rows quantiles come from a part of them, chosen by the hash of their ids. The
# edges are then a little off equal counts; what is counted between them is exact all the same.
SAMPLED_FROM = 500_000


@dataclass(frozen=True)
class Edges:
    """A version's edges, ascending, how many rows it scored, and the bins its thresholds begin.

    Bin b holds `edges[b] <= score < edges[b + 1]`, and the last one its upper edge too.
    """

    edges: list[float]
    n: int
    marked: list[int]

    @property
    def bins(self) -> int:
        return max(len(self.edges) - 1, 0)

    def place(self, score: str) -> str:
        """SQL of the bin of a score that is there."""
        begins = self.edges[:-1]
        if len(begins) < 2:
            return "toUInt32(0)"
        listed = ", ".join(map(repr, begins))
        places = ", ".join(map(str, range(len(begins))))
        return f"toUInt32(transform(roundDown({score}, [{listed}]), [{listed}], [{places}], 0))"


def find_edges(scope: Scope) -> dict[str, Edges]:
    """Edges by version; none where a version scored nothing in the range."""
    share = max(1, _rows(scope) // SAMPLED_FROM)
    levels = ", ".join(str(level / BINS) for level in range(BINS))
    asked = ", ".join(
        f"count(s{n}), min(s{n}), max(s{n}),"
        f" quantilesExactLowIf({levels})(s{n}, is_drawn and s{n} is not null)"
        for n in range(len(scope.models))
    )
    scores = ", ".join(f"{model.score} as s{n}" for n, model in enumerate(scope.models))
    drawn = f"cityHash64(install_id) % {share} = 0" if share > 1 else "true"
    row = scope.warehouse.client.query(
        f"select {asked} from (select {scores}, {drawn} as is_drawn"
        f" from {scope.relation} where {scope.inside})"
    ).result_rows[0]
    found = {}
    for n, model in enumerate(scope.models):
        count, least, greatest, quantiles = row[4 * n : 4 * n + 4]
        found[model.version] = (
            with_thresholds([least, *quantiles, greatest], int(count), model)
            if count
            else Edges([], 0, [])
        )
    return found


def with_thresholds(values: list[float], n: int, model: Version) -> Edges:
    """Ascending edges of quantiles with tied ones once, each threshold in the nearest one's place.

    A threshold at or below the least score, or above the greatest, parts nothing and is left out.
    """
    edges = sorted(set(values))
    marks: set[float] = set()
    for threshold in sorted(model.thresholds.values()):
        if not edges[0] < threshold <= edges[-1] or threshold in marks:
            continue
        marks.add(threshold)
        if threshold in edges[1:-1]:
            continue
        at = bisect_left(edges, threshold)
        near = [i for i in (at - 1, at) if 0 < i < len(edges) - 1 and edges[i] not in marks]
        if near and len(edges) > BINS:
            del edges[min(near, key=lambda i: abs(edges[i] - threshold))]
        edges.insert(bisect_left(edges, threshold), threshold)
    if len(edges) == 1:
        edges = edges * 2
    return Edges(edges, n, [edges.index(mark) for mark in sorted(marks)])


def _rows(scope: Scope) -> int:
    found = scope.warehouse.scalar(f"select count() from {scope.relation} where {scope.inside}")
    return int(found)
