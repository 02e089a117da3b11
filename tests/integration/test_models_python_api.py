"""docs/how-to/use-from-python.md runs as it stands, and says what is there."""

import re
from pathlib import Path

import pytest

import clickward
from clickward.warehouse.connection import Warehouse

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "use-from-python.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_page_runs(on_small: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBT_PROFILES_DIR", str(on_small.project.profiles_dir))
    monkeypatch.setenv("CLICKWARD_TARGET", "local")
    names: dict[str, object] = {}
    for block in BLOCK.findall(PAGE.read_text()):
        exec(compile(block, str(PAGE), "exec"), names)
    installs = on_small.scalar(f"select count() from {on_small.table('features', 'fs_install')}")
    frame, run, worst = names["frame"], names["run"], names["worst"]
    assert len(frame) == installs > 0
    assert run.rows == installs
    top = f"select max(score) from {on_small.table('ml', 'scores')}"
    assert worst["score"][0] == on_small.scalar(top)
    assert worst["score"].is_sorted(descending=True)
    assert set(re.findall(r"clickward\.(\w+)", PAGE.read_text())) <= set(clickward.PUBLIC)
