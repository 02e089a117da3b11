"""The Grafana dashboard: each of its queries runs on the built world, and reads marts alone."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from scored_world import SCHEMA

from clickward.server.publish import publish
from clickward.warehouse.connection import Warehouse

FILE = Path(__file__).resolve().parents[3] / "docs" / "grafana" / "clickward.json"
BOARD: dict[str, Any] = json.loads(FILE.read_text())
FROM, TO = "2026-01-01", "2026-01-31"


def as_grafana_sends(sql: str, warehouse: Warehouse) -> str:
    """The query with Grafana's macros and variables filled in, every app and publisher chosen."""
    sql = sql.replace("${schema}", SCHEMA)
    sql = re.sub(
        r"\$__dateFilter\((\w+)\)", rf"\1 >= toDate('{FROM}') and \1 <= toDate('{TO}')", sql
    )
    sql = sql.replace("$__fromTime", f"toDateTime('{FROM} 00:00:00')")
    sql = sql.replace("$__toTime", f"toDateTime('{TO} 00:00:00')")
    for variable in BOARD["templating"]["list"]:
        holder = f"${{{variable['name']}:sqlstring}}"
        if holder in sql:
            values = warehouse.client.query(as_grafana_sends(variable["query"], warehouse))
            quoted = ", ".join(f"'{value}'" for (value,) in values.result_rows)
            sql = sql.replace(holder, quoted)
    assert "$" not in sql, sql
    return sql


@pytest.mark.parametrize("panel", BOARD["panels"], ids=lambda panel: str(panel["title"]))
def test_a_panel_has_data(panel: dict[str, Any], built: Warehouse) -> None:
    for target in panel["targets"]:
        read = re.findall(r"(?:from|join) (\S+)", target["rawSql"])
        tables = [name for name in read if not name.startswith("(")]
        assert tables
        assert all(name.strip("()").startswith("${schema}_marts.") for name in tables)
        answer = built.client.query(as_grafana_sends(target["rawSql"], built))
        if panel["type"] == "timeseries":
            assert answer.column_names[0] == "time"
            assert "DateTime" in answer.column_types[0].name
        if panel["title"] != "Claims by month":
            assert answer.result_rows, "nothing to show on a world that has everything"
            assert any(value is not None for value in answer.result_rows[0])


def test_readers_of_the_door_get_every_table_the_board_reads(built: Warehouse) -> None:
    published = publish(built).rows
    read = set(re.findall(r"\$\{schema\}_marts\.(\w+)", FILE.read_text()))
    assert len(read) >= 9
    counts = {name: built.scalar(f"select count() from {SCHEMA}_marts.{name}") for name in read}
    assert {name: published.get(name) for name in read} == counts


def test_a_query_that_does_not_fit_the_marts_is_caught(built: Warehouse) -> None:
    broken = BOARD["panels"][1]["targets"][0]["rawSql"].replace(
        "flagged_installs", "flagged_clicks"
    )
    with pytest.raises(Exception, match="flagged_clicks"):
        built.client.query(as_grafana_sends(broken, built))


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
