"""What the explorer should tell of the shared world, and a schema to plant rows in."""

from typing import Any

import pytest
from reckoning import Reckoning
from scored_world import World

from models_ml.explorer.payload import make_payload
from tests.oracles.explorer import latest_scores, scored_rows
from tests.oracles.facts import Row
from warehouse.connection import Warehouse

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
