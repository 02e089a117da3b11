"""Thresholds that equal scores many rows have: what stands at or above one is counted exactly."""

import random
import uuid
from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from scored_world import World

from clickward.analysis.explorer.bins import read_bins
from clickward.models_ml.evaluation.thresholds import Choice
from clickward.models_ml.training.registry import set_threshold
from clickward.warehouse.connection import Warehouse
from tests.oracles.explorer import at_or_above
from tests.oracles.facts import Row

TIED = (0.0, 0.2, 0.5, 0.9, 1.0)
FIRST = date(2026, 1, 16)
DAYS = 10
CASES: dict[str, tuple[int, list[float], list[float]]] = {
    # Rows, scores drawn from, thresholds: below all, least, between, tied, twice, top, above all.
    "few": (400, list(TIED), [-0.5, 0.0, 0.1, 0.5, 0.5, 0.7, 0.9, 1.0, 1.5]),
    "many": (
        900,
        [*TIED * 30, *(n / 211 for n in range(1, 211))],
        [0.0, 0.1, 0.5, 0.5, 57 / 211, 58 / 211, 0.9, 0.95, 1.0],
    ),
    "one": (300, [0.5], [0.2, 0.5, 0.5, 0.8]),
    "two": (300, [0.2, 0.5], [0.2, 0.3, 0.5]),
    # Far more thresholds than quantiles that could give way to them.
    "crowded": (2000, [n / 2003 for n in range(2003)], [0.97 + n / 2500 for n in range(60)]),
}


def made(n: int, scores: list[float], seed: int = 5) -> list[Row]:
    """Rows of several days, publishers and countries, some with a verdict."""
    chance = random.Random(seed)
    return [
        {
            "id": str(uuid.UUID(int=chance.getrandbits(128))),
            "day": FIRST + timedelta(days=chance.randrange(DAYS)),
            "publisher": chance.choice(["p1", "p2", "p3", None]),
            "country": chance.choice(["ES", "BR"]),
            "app": "app",
            "has_verdict": int(chance.random() < 0.3),
            "score": chance.choice(scores),
        }
        for _ in range(n)
    ]


def plant(warehouse: Warehouse, version: str, rows: list[Row]) -> None:
    """These rows alone, scored by one version."""
    name = warehouse.table("marts", "scored_installs")
    frame = pl.DataFrame(
        {
            "install_id": [row["id"] for row in rows],
            "event_at": [datetime(*row["day"].timetuple()[:3], tzinfo=UTC) for row in rows],
            "event_date": [row["day"] for row in rows],
            "app_id": [row["app"] for row in rows],
            "publisher": [row["publisher"] for row in rows],
            "country": [row["country"] for row in rows],
            "has_verdict": [row["has_verdict"] for row in rows],
            "model_versions": [[version]] * len(rows),
            "scores": [[row["score"]] for row in rows],
            "probabilities": [[None]] * len(rows),
        },
        schema_overrides={
            "event_at": pl.Datetime("ms", "UTC"),
            "has_verdict": pl.UInt8,
            "probabilities": pl.List(pl.Float64),
        },
    )
    warehouse.command(f"truncate table {name}")
    warehouse.insert(name, frame)


def from_bins(
    data: dict[str, Any], version: str, name: str, threshold: float
) -> dict[tuple[Any, ...], int]:
    """Rows at or above a threshold by day, value and state, as the page counts them."""
    columns = data["bins"][version][name]
    begin = bisect_left(data["edges"][version], threshold)
    values = next(one["values"] for one in data["dimensions"] if one["name"] == name)
    found: dict[tuple[Any, ...], int] = {}
    for day, value, bin_, state, count in zip(
        *(columns[key] for key in ("day", "value", "bin", "state", "count")), strict=True
    ):
        if bin_ >= begin:
            key = (data["days"][day], values[value], data["states"][state])
            found[key] = found.get(key, 0) + count
    return found


@pytest.mark.parametrize("case", CASES)
def test_every_threshold_parts_tied_scores_exactly(
    tied: Warehouse, world: World, mature_before: date, case: str
) -> None:
    n, scores, thresholds = CASES[case]
    rows = made(n, scores)
    plant(tied, world.champion, rows)
    for place, threshold in enumerate(thresholds):
        choice = Choice(f"{case}_{place}", threshold)
        set_threshold(tied, world.champion, choice, "to be tied")
    data = read_bins(tied, models=[world.champion], date_from=FIRST,
                     date_to=FIRST + timedelta(days=DAYS))  # fmt: skip
    edges = data["edges"][world.champion]
    assert (edges[0], edges[-1]) == (min(row["score"] for row in rows),
                                     max(row["score"] for row in rows))  # fmt: skip
    assert edges == sorted(edges)
    for threshold in thresholds:
        if edges[0] <= threshold <= edges[-1]:
            assert threshold in edges
        for name in ("all", "publisher", "country"):
            first = bisect_left(edges, threshold)
            assert first >= len(edges) - 1 or first in data["resolution"][world.champion][name]
            expected = at_or_above(rows, threshold, name, mature_before)
            assert from_bins(data, world.champion, name, threshold) == expected, (threshold, name)
