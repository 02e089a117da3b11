"""Click-to-install times on logarithmic edges, of scored rows and of each app's own traffic."""

from typing import Any

import polars as pl

from clickward.analysis.explorer.dimensions import code
from clickward.analysis.explorer.scope import EAGER, Scope

# Seconds: six edges a decade from one second to some eleven days; below the first and above the
# last stand bins of their own, and so does unknown.
EDGES = [round(10 ** (step / 6), 3) for step in range(37)]
# Bin 0 is below the first edge, bin b is [EDGES[b - 1], EDGES[b]), the last two above and unknown.
UNKNOWN = len(EDGES) + 1
CTIT_BINS = UNKNOWN + 1


def ctit_bin(seconds: str) -> str:
    """SQL of the bin of a click-to-install time."""
    listed = ", ".join(map(repr, EDGES))
    places = ", ".join(str(place + 1) for place in range(len(EDGES)))
    inside = f"transform(roundDown(ifNull({seconds}, 0.), [{listed}]), [{listed}], [{places}], 0)"
    return (
        f"toUInt32(multiIf({seconds} is null, {UNKNOWN}, ifNull({seconds}, 0.) < {EDGES[0]!r}, 0,"
        f" {inside}))"
    )


def baseline(scope: Scope, apps: list[str | None]) -> dict[str, list[int]]:
    """Installs of each app by click-to-install time, scored or not, in the range."""
    facts = scope.warehouse.table("marts", "install_facts")
    rest = len(apps)
    counted = scope.warehouse.query(
        f"select {code('app', apps, rest)} as app, {ctit_bin('ctit_seconds')} as ctit,"
        f" count() as count from {facts} where {scope.inside} group by app, ctit {EAGER}"
    )
    found: dict[str, list[int]] = {}
    for place, app in enumerate(apps):
        own = counted.filter(pl.col("app") == place)
        counts = dict(own.select("ctit", "count").iter_rows())
        found[app or ""] = [int(counts.get(one, 0)) for one in range(CTIT_BINS)]
    return found


def told(scope: Scope, rows: dict[str, Any], apps: list[str | None]) -> dict[str, Any]:
    """The payload's `ctit`."""
    return {"edges": EDGES, "unknown": UNKNOWN, "rows": rows, "baseline": baseline(scope, apps)}
