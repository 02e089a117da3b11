"""What the explorer should tell of the shared world, and a schema to plant rows in."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from reckoning import Reckoning
from scored_world import SCHEMA, World

from clickward.analysis.explorer.payload import make_payload
from clickward.warehouse.connection import Warehouse, connect
from tests.harness import copy_schema, use_schema
from tests.oracles.explorer import MATURED, latest_scores, scored_rows
from tests.oracles.facts import Row

_once: dict[str, Any] = {}


@pytest.fixture
def known(built: Warehouse, world: World) -> Reckoning:
    """The inputs of the marts; read once for all tests of the explorer."""
    if "known" not in _once:
        _once["known"] = Reckoning(built, world.economics, world.truth)
    found: Reckoning = _once["known"]
    found.warehouse = built
    return found


@pytest.fixture
def rows(known: Reckoning) -> list[Row]:
    """Every scored install as the oracle sees it."""
    if "rows" not in _once:
        said = latest_scores(known.scores, known.runs)
        _once["rows"] = scored_rows(known.facts, said, known.labels, known.truth)
    found: list[Row] = _once["rows"]
    return found


@pytest.fixture
def payload(built: Warehouse) -> dict[str, Any]:
    """The payload of the world as it is."""
    if "payload" not in _once:
        _once["payload"] = make_payload(built).data
    found: dict[str, Any] = _once["payload"]
    return found


@pytest.fixture
def mature_before(known: Reckoning) -> date:
    """The first day whose installs are not matured."""
    last: date = max(row["known_at"] for row in known.labels).date()
    return last - MATURED


@pytest.fixture
def tied(world: World, mature_before: date, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """One copy of the world for all tests that plant rows of their own in its mart.

    After `mature_before`, which is read from the world itself.
    """
    name = f"{SCHEMA}_tied"
    use_schema(monkeypatch, name)
    connected = connect(world.project)
    if "tied" not in _once:
        copy_schema(connected, SCHEMA, name)
        _once["tied"] = name
    yield connected
    connected.close()
