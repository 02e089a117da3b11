"""The soak of `benchmarks/door_soak.py`, short: many readers beside a writer."""

import importlib.util
import sys

import pytest
from doors import PASSWORDS, ROOT, Door

pytestmark = pytest.mark.full

SECONDS = 12


def test_readers_and_a_writer_agree(engineer: Door, scratch: str) -> None:
    path = ROOT / "benchmarks" / "door_soak.py"
    spec = importlib.util.spec_from_file_location("door_soak", path)
    assert spec is not None
    assert spec.loader is not None
    soak = importlib.util.module_from_spec(spec)
    sys.modules["door_soak"] = soak
    spec.loader.exec_module(soak)
    address = soak.Address(engineer.host, engineer.port, engineer.user, PASSWORDS[engineer.user])
    result = soak.run(address, engineer.process.pid, SECONDS, database=scratch)
    assert result.errors == []
    assert result.batches > 10
    assert all(reads > 10 for reads in result.reads), result.reads
