"""A load may be killed at any moment: the next run leaves what an undisturbed one leaves."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bad_files import HEADER, rows

CHILD = Path(__file__).with_name("load_child.py")
FILES = ["one.csv", "two.csv"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files of 1,500 rows, of which every 50th is bad."""
    path = tmp_path_factory.mktemp("kill")
    for place, name in enumerate(FILES):
        lines = rows(1_500, place * 1_500)
        lines[49::50] = [b"bad,%d\n" % n for n in range(30)]
        (path / name).write_bytes(HEADER + b"".join(lines))
    return path


def load(folder: Path, store: str, stop: int = 0, how: str = "kill") -> tuple[int, list[Any]]:
    """Exit code of a child that loads the files, and its JSON lines."""
    environment = os.environ | {"CLICKWARD_STORE": str(folder / store), "CLICKWARD_SCHEMA": "k"}
    child = subprocess.run(
        [sys.executable, str(CHILD), str(stop), how, *FILES],
        cwd=folder,
        env=environment | {"DBT_PROJECT_DIR": str(CHILD.parents[3] / "dbt_project")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = [json.loads(line) for line in child.stdout.splitlines() if line.startswith("{")]
    return child.returncode, lines


@pytest.fixture(scope="module")
def undisturbed(folder: Path) -> dict[str, Any]:
    """What a load that nothing disturbs leaves, and at which calls of the engine it works."""
    code, [_, found] = load(folder, "undisturbed")
    assert code == 0
    tables = ("talkingdata__clicks", "rejected_lines", "loads")
    assert [len(found[table]) for table in tables] == [2_940, 60, 2]
    return found


@pytest.mark.full
def test_killed_loads_end_as_an_undisturbed_one(folder: Path, undisturbed: dict[str, Any]) -> None:
    first, last = undisturbed["moments"]["first_insert"], undisturbed["moments"]["calls"]
    half = (first + last) // 2
    assert last - first > 100
    rng = random.Random(20_171_107)
    moments = [
        rng.randrange(first),
        *(rng.randrange(first, half - 10) for _ in range(2)),
        # From here on the first file is committed, and the moments fall into the second.
        rng.randrange(half + 10, last),
        *(rng.randrange(first, half - 10) for _ in range(2)),
    ]
    left = []
    for stop in moments:
        code, lines = load(folder, "killed", stop)
        assert code == -signal.SIGKILL
        left.append(lines[0]["left"])
    code, [start, killed] = load(folder, "killed")
    assert code == 0
    assert {**killed, "moments": 0} == {**undisturbed, "moments": 0}
    # The kills did leave rows behind: otherwise nothing has been shown.
    assert sum(rows > 0 for rows in [*left[1:], start["left"]]) >= 4


def test_interrupted_load_is_told_and_repeated(folder: Path, undisturbed: dict[str, Any]) -> None:
    first, last = undisturbed["moments"]["first_insert"], undisturbed["moments"]["calls"]
    code, [_, broken] = load(folder, "interrupted", first + (last - first) // 4, "interrupt")
    assert code == 130
    assert broken["loads"] == []
    code, [start, whole] = load(folder, "interrupted")
    assert code == 0
    assert start["left"] == len(broken["talkingdata__clicks"]) > 0
    assert {**whole, "moments": 0} == {**undisturbed, "moments": 0}
