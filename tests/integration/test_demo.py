"""`clickward demo` from end to end, and whether its small world is neither trivial nor mastered."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clickward.warehouse.profile import find_project

CHECKOUT = find_project(target="local").project_dir.parent
# Smaller than the benchmark's world, so the intervals are wider; the limits are the same.
SPLIT = ["--train", "7", "--delay", "3", "--test", "3"]

LINE = r"^(\w+) +(never|[\d,]+)? +[\d,]+ +[\d,]+ +[\d.]+ +[\d.]+ to [\d.]+$"


def run_demo(home: Path, *words: str) -> tuple[str, Path]:
    """What the demo printed, and its folder; a process of its own, since one holds one store."""
    shutil.copytree(CHECKOUT / "profiles", home / "profiles")
    command = [sys.executable, "-m", "clickward.cli.main", "demo", *words]
    done = _run([*command, "--profiles-dir", str(home / "profiles")], home / "unused")
    assert done.returncode == 0, done.stderr
    return done.stdout, home / ".clickward" / "demo"


@pytest.mark.full
def test_a_small_demo_ends_with_its_table_and_report(tmp_path: Path) -> None:
    printed, folder = run_demo(tmp_path, "--days", "21", "--clicks", "15000")
    rows = dict(re.findall(LINE, printed, re.MULTILINE))
    assert rows["honest"] == ""
    assert len(rows) > 4
    assert "Worst publishers" in printed
    assert (folder / "report.html").stat().st_size > 100_000


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    printed, folder = run_demo(tmp_path_factory.mktemp("demo"))
    return printed, folder / "store"


@pytest.mark.full
def test_closing_table_tells_attacks_that_training_never_saw(demo: tuple[str, Path]) -> None:
    printed, _ = demo
    rows = dict(re.findall(LINE, printed, re.MULTILINE))
    assert rows["honest"] == ""
    assert {name for name, seen in rows.items() if seen == "never"} == {
        "install_hijacking",
        "smart_bots",
    }
    assert int(rows["click_flooding"]) > 50


@pytest.mark.full
def test_verdicts_name_the_attack_behind_them(demo: tuple[str, Path]) -> None:
    _, store = demo
    query = """
        select attack, topK(1)(ifNull(attack_type, ''))[1] as named
        from clickward_core.labels
        inner join clickward_marts.install_truth on install_id = subject_id
        where verdict_source = 'appsflyer_detection'
        group by attack having count() >= 20
    """
    done = _run([sys.executable, "-m", "clickward.cli.main", "sql", query, "-f", "TSV"], store)
    named = dict(line.split("\t") for line in done.stdout.splitlines())
    assert len(named) >= 5, done.stderr
    assert named == {attack: attack for attack in named}


@pytest.mark.full
def test_the_world_is_neither_trivial_nor_mastered(demo: tuple[str, Path]) -> None:
    _, store = demo
    script = CHECKOUT / "benchmarks" / "world_difficulty.py"
    done = _run([sys.executable, str(script), "--store", str(store), "--json", *SPLIT], store)
    broken = [text for text, kept in json.loads(done.stdout)["limits"].items() if not kept]
    assert not broken, broken
    assert done.returncode == 0


def _run(words: list[str], store: Path) -> subprocess.CompletedProcess[str]:
    """Run a program on the checkout, without what the session's store has set; on one thread, which
    is the fastest at this size."""
    unset = {"CLICKWARD_STORE", "CLICKWARD_SCHEMA"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment["CLICKWARD_STORE"] = str(store)
    return subprocess.run(
        words,
        cwd=CHECKOUT,
        env=environment | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
