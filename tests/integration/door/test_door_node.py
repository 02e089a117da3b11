"""The Node client reads and streams a mart."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from doors import PASSWORDS, Door

pytestmark = pytest.mark.full

CLIENT = Path(__file__).parent / "node"


@pytest.mark.needs("node")
def test_node_reads_and_streams_a_mart(reader: Door) -> None:
    login = {
        "DOOR_URL": reader.url, "DOOR_USER": reader.user, "DOOR_PASSWORD": PASSWORDS[reader.user]
    }  # fmt: skip
    done = subprocess.run(
        ["node", "read.mjs"], cwd=CLIENT, env=os.environ | login, text=True, capture_output=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    mart = "clickward_marts.mart_publisher_daily"
    lines = reader.value(
        f"select * from {mart} order by event_date, app_id, publisher format JSONEachRow"
    ).splitlines()
    assert len(lines) > 100
    assert read["whole"] == read["streamed"] == [json.loads(line) for line in lines]
    counted = reader.value(f"select count() from {mart} where clicks >= 1")
    assert (str(read["counted"]), read["height"]) == (counted, 1)
    assert read["big"] == sum(range(500_000))
    assert read["refused"] == "60 UNKNOWN_TABLE"
    assert read["alive"] is True
