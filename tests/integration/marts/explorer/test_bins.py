"""Bins, click-to-install times, calibration and costs against a count of every row in Python."""

from collections import Counter
from datetime import date
from typing import Any

import pytest
from reckoning import Reckoning, rows_of
from scored_world import World

from clickward.models_ml.training.registry import list_thresholds
from clickward.warehouse.connection import Warehouse
from tests.oracles.explorer import bin_of, cells, values_of
from tests.oracles.facts import Row

FIRST = date(2026, 1, 15)
NAMED = ["all", "publisher", "subpublisher", "app", "country", "os", "carrier", "hour"]


def told(data: dict[str, Any], version: str, name: str) -> dict[tuple[Any, ...], Any]:
    """The payload's cells by day, value, bin, state and truth."""
    columns = data["bins"][version][name]
    keys = zip(
        columns["day"], columns["value"], columns["bin"],
        [data["states"][i] for i in columns["state"]],
        [data["truths"][i] for i in columns["truth"]], strict=True,
    )  # fmt: skip
    counts = zip(columns["count"], columns["spend"], strict=True)
    found = dict(zip(keys, counts, strict=True))
    assert len(found) == len(columns["day"]), "a cell stands twice"
    return found


def flagged(data: dict[str, Any], version: str, name: str, threshold: float) -> int:
    """Rows at or above a threshold, from the bins."""
    first = data["edges"][version].index(threshold)
    columns = data["bins"][version][name]
    return sum(n for b, n in zip(columns["bin"], columns["count"], strict=True) if b >= first)


def test_the_mart_holds_every_scored_install(
    built: Warehouse, rows: list[Row], known: Reckoning
) -> None:
    found = {row["install_id"]: row for row in rows_of(built, "marts", "scored_installs")}
    assert found.keys() == {row["id"] for row in rows}
    assert len(found) < len(known.installs), "rows without a score are left out"
    for row in rows:
        mart = found[row["id"]]
        for name in NAMED[1:]:
            assert str(mart["app_id" if name == "app" else name]) == str(row[name]), name
        assert dict(zip(mart["model_versions"], mart["scores"], strict=True)) == row["score"]
        assert mart["payout"] == pytest.approx(row["paid"])
        assert mart["has_verdict"] == (row["state"] == "fraud")


def test_every_cell_of_every_dimension(
    payload: dict[str, Any], rows: list[Row], world: World
) -> None:
    assert [one["version"] for one in payload["models"]] == [world.champion, world.challenger]
    assert [one["role"] for one in payload["models"]] == ["champion", ""]
    assert [one["name"] for one in payload["dimensions"]] == NAMED
    assert {row["state"] for row in rows} == {"fraud", "honest", "unknown"}
    for model in payload["models"]:
        version = model["version"]
        assert model["n"] == sum(version in row["score"] for row in rows)
        for dimension in payload["dimensions"]:
            name = dimension["name"]
            values = ["all"] if name == "all" else values_of(rows, name)
            assert dimension["values"][: len(values)] == values
            expected = cells(
                rows, version, payload["edges"][version], name, FIRST, values,
                payload["resolution"][version][name],
            )  # fmt: skip
            found = told(payload, version, name)
            assert found.keys() == expected.keys()
            for key, (count, spend) in expected.items():
                assert found[key] == (count, pytest.approx(spend)), (name, key)


def test_bins_are_of_equal_count_and_thresholds_are_edges(
    payload: dict[str, Any], rows: list[Row], built: Warehouse
) -> None:
    checked = 0
    for model in payload["models"]:
        version, edges = model["version"], payload["edges"][model["version"]]
        scores = [row["score"][version] for row in rows]
        assert edges == sorted(edges)
        assert len(edges) <= 104
        assert (edges[0], edges[-1]) == (min(scores), max(scores))
        counts = Counter(bin_of(edges, score) for score in scores)
        assert max(counts.values()) < 3 * len(scores) / 100
        current = list_thresholds(built, version).filter("is_current")
        thresholds = dict(current.select("name", "threshold").iter_rows())
        assert {one["name"]: one["value"] for one in model["thresholds"]} == thresholds
        for value in thresholds.values():
            if edges[0] < value <= edges[-1]:
                expected = sum(score >= value for score in scores)
                for name in NAMED:
                    assert flagged(payload, version, name, value) == expected
                checked += 1
    assert checked >= 2
