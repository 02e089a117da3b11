"""Everything the explorer shows, as one object: the same for the notebook and for the report."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from clickward.analysis.explorer import bins, ctit
from clickward.analysis.explorer.edges import Edges, find_edges
from clickward.analysis.explorer.evidence import describe
from clickward.analysis.explorer.folds import read_attacks, read_folds
from clickward.analysis.explorer.pairs import compare, disagreements
from clickward.analysis.explorer.rows import of_slices
from clickward.analysis.explorer.scope import SUBJECT, TARGET, Scope, find_scope
from clickward.analysis.explorer.slices import ALPHA, find_slices
from clickward.analysis.explorer.standing import (
    rank_publishers,
    read_calibration,
    read_costs,
    read_drift,
    read_unconverted,
)
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.durations import format_instant, utc_now
from clickward.warehouse.log import log, takes_say

VERSION = 1
# Slices whose rows are frozen, and rows of each.
EVIDENT, FROZEN = 10, 10


@dataclass(frozen=True)
class Payload:
    """What is shown, as plain values; every number has its n beside it, and unknown is None."""

    data: dict[str, Any]

    def to_json(self) -> bytes:
        """UTF-8, strict JSON. Raises `ValueError` on a number that JSON does not have."""
        text = json.dumps(self.data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        return text.encode()


@takes_say
def make_payload(
    warehouse: Warehouse,
    *,
    feature_set: str = "fs_install",
    models: Sequence[str] | None = None,
    date_from: date | None = None,
    date_to: date | None = None,
) -> Payload:
    """Reduce the installs scored in `[date_from, date_to)` to what the explorer shows.

    Without models: champion, challenger, and the latest trained that scored; without days: all
    that are scored. Raises `UserError` where nothing is scored, `UsageError` on an unknown model.
    """
    scope = find_scope(warehouse, feature_set, models, date_from, date_to)
    log(f"{', '.join(one.version for one in scope.models)} on {scope.date_from} to {scope.date_to}")
    edges = find_edges(scope)
    log(f"{sum(one.n for one in edges.values()):,} scores: counting them by bin")
    cells = bins.count_cells(scope, edges)
    counted = bins.told(scope, edges, cells)
    ctit_rows = counted.pop("ctit_rows")
    log("looking for slices where models err")
    slices = find_slices(scope)
    folds, unseen = read_folds(scope)
    log("freezing rows as evidence")
    data = {
        "version": VERSION,
        "title": f"{feature_set}, {scope.date_from} to {scope.date_to}",
        "made_at": format_instant(utc_now()),
        "feature_set": feature_set,
        "target": TARGET,
        "subject": SUBJECT,
        "from": scope.date_from.isoformat(),
        "to": scope.date_to.isoformat(),
        "mature_before": None if scope.mature_before is None else scope.mature_before.isoformat(),
        "currency": scope.currency,
        "money": read_unconverted(scope),
        "has_truth": scope.has_truth,
        "costs": read_costs(scope),
        "models": _models(scope, edges),
        **counted,
        "ctit": ctit.told(scope, ctit_rows, cells.values["app"]),
        "folds": folds,
        "attacks": read_attacks(scope),
        "unseen": unseen,
        "publishers": rank_publishers(scope),
        "slices": slices,
        "calibration": read_calibration(scope, edges),
        "drift": read_drift(scope),
        **_frozen(scope, edges, slices),
    }
    return Payload(data)


def _models(scope: Scope, edges: dict[str, Edges]) -> list[dict[str, Any]]:
    return [
        {
            "version": one.version,
            "family": one.family,
            "role": one.role,
            "operating": None
            if one.operating is None
            else {"name": one.operating, "value": one.threshold},
            "thresholds": [
                {"name": name, "value": value} for name, value in one.thresholds.items()
            ],
            "n": edges[one.version].n,
        }
        for one in scope.models
    ]


def _frozen(
    scope: Scope, edges: dict[str, Edges], slices: list[dict[str, Any]]
) -> dict[str, Any]:  # fmt: skip
    """`disagreements`, `pairs` and `rows`; each list's rows have the reasons of its own model."""
    disagreed, parted = disagreements(scope), compare(scope, edges)
    of_slice = _slice_rows(scope, slices)
    wanted: list[tuple[str, pl.DataFrame]] = [
        (version, rows) for version, sides in disagreed.items() for rows in sides.values()
    ]
    wanted += [(pair["a"], rows) for pair, rows in parted]
    wanted += [(slices[place]["model"], rows) for place, rows in of_slice.items()]
    told = {
        version: describe(scope, rows, [version] * rows.height)
        for version, rows in _by_version(wanted).items()
    }

    def rows_of(version: str, rows: pl.DataFrame) -> list[dict[str, Any]]:
        return [told[version][one] for one in rows["id"]]

    return {
        "disagreements": {
            version: {side: rows_of(version, rows) for side, rows in sides.items()}
            for version, sides in disagreed.items()
        },
        "pairs": [{**pair, "rows": rows_of(pair["a"], rows)} for pair, rows in parted],
        "rows": {
            str(place): rows_of(slices[place]["model"], rows) for place, rows in of_slice.items()
        },
    }


def _by_version(wanted: list[tuple[str, pl.DataFrame]]) -> dict[str, pl.DataFrame]:
    found: dict[str, list[pl.DataFrame]] = {}
    for version, rows in wanted:
        found.setdefault(version, []).append(rows.select("id", "event_at"))
    return {version: pl.concat(parts).unique("id") for version, parts in found.items()}


def _slice_rows(scope: Scope, slices: list[dict[str, Any]]) -> dict[int, pl.DataFrame]:
    """Rows of the most significant slices of each model and kind, by the slice's place."""
    found: dict[int, pl.DataFrame] = {}
    for model in scope.models:
        for kind in ("missed", "false_alarm"):
            places = [
                place
                for place, one in enumerate(slices)
                if (one["model"], one["kind"]) == (model.version, kind)
                and one["p_adjusted"] <= ALPHA
            ][:EVIDENT]
            parts = of_slices(scope, model, kind, [slices[place] for place in places], FROZEN)
            found.update(zip(places, parts, strict=True))
    return found
