"""Where model and label disagree, and where two models part."""

from itertools import combinations
from typing import Any

import polars as pl

from clickward.analysis.explorer.edges import Edges
from clickward.analysis.explorer.rows import strongest
from clickward.analysis.explorer.scope import Scope

STRONGEST = 50
PARTED = 25


def disagreements(scope: Scope) -> dict[str, dict[str, pl.DataFrame]]:
    """By version the `STRONGEST` rows of each side: `missed`, and `flagged_without_verdict`."""
    return {
        model.version: {
            "missed": strongest(scope, model, "missed", limit=STRONGEST),
            "flagged_without_verdict": strongest(scope, model, "false_alarm", limit=STRONGEST),
        }
        for model in scope.models
        if model.threshold is not None
    }


def compare(
    scope: Scope, edges: dict[str, Edges]
) -> list[tuple[dict[str, Any], pl.DataFrame]]:  # fmt: skip
    """Every two models that flag, each at its own operating threshold, on rows both scored.

    Beside the counts stand the `id` and `event_at` of the rows where they part, those first whose
    score bins are farthest apart: scores of two families have no common scale, ranks do.
    """
    models = [one for one in scope.models if one.threshold is not None]
    found = []
    for a, b in combinations(models, 2):
        both = (
            f"from (select install_id, event_at, {a.score} as a, {b.score} as b,"
            f" a >= {a.threshold!r} as flags_a, b >= {b.threshold!r} as flags_b"
            f" from {scope.relation} where {scope.inside} and a is not null and b is not null)"
        )
        counts = scope.warehouse.query(
            "select count() as n, countIf(flags_a and flags_b) as both,"
            " countIf(flags_a and not flags_b) as only_a,"
            f" countIf(flags_b and not flags_a) as only_b {both}"
        ).row(0, named=True)
        place_a = edges[a.version].place("assumeNotNull(a)")
        place_b = edges[b.version].place("assumeNotNull(b)")
        rows = scope.warehouse.query(
            f"select toString(install_id) as id, event_at {both} where flags_a != flags_b"
            f" order by abs(toInt32({place_a}) - toInt32({place_b})) desc, event_at, id"
            f" limit {PARTED}"
        )
        found.append(({"a": a.version, "b": b.version, **counts}, rows))
    return found
