"""A publisher killed at any moment, and run again, leaves what it would have left."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from doors import Built, Place

from clickward.server.publication import Publications

KILLS = int(os.environ.get("CLICKWARD_KILLS", "30"))
CONTENT = """
import json, sys
from chdb import session
engine = session.Session(sys.argv[1])
def rows(query):
    return [line.split("\\t") for line in str(engine.query(query, "TSV")).splitlines()]
names = rows("select database, name from system.tables where database like 'clickward%' order by 2")
print(json.dumps({name: rows(
    f"select count(), groupBitXor(cityHash64(tuple(*))) from {database}.{name}"
)[0] for database, name in names}))
"""


@pytest.fixture
def place(built: Built, tmp_path: Path) -> Place:
    """A copy of the built world that nobody serves, whose temporary files have their own folder."""
    shutil.copytree(
        built.local.folder, tmp_path / "place", symlinks=True,
        ignore=shutil.ignore_patterns("store-published", "status"),
    )  # fmt: skip
    (tmp_path / "temporary").mkdir()
    return Place(tmp_path / "place")


def start(place: Place) -> Any:
    return place.start("publish", "--json", TMPDIR=str(place.folder.with_name("temporary")))


def published(place: Place) -> dict[str, int]:
    """Publish to the end; returns rows by table."""
    process = start(place)
    out, talk = process.communicate(timeout=120)
    assert process.returncode == 0, talk
    return dict(json.loads(out)["rows"])


def content(place: Place) -> dict[str, list[str]]:
    """Rows and content hash of every table of the current publication."""
    store = Publications(place.store, "clickward").current() / "store"
    done = subprocess.run(
        [sys.executable, "-c", CONTENT, store], text=True, capture_output=True, check=True
    )
    return dict(json.loads(done.stdout))


def left_over(place: Place) -> list[str]:
    """What a publication does not need: in the store, beside it, and among temporary files."""
    beside = place.store.with_name("store-published")
    current = Publications(place.store, "clickward").current()
    wanted = {
        beside / "publishing.lock", beside / "clickward", beside / "clickward" / "current", current,
        *(current / name for name in ("lock", "publication.json", "store")),
    }  # fmt: skip
    found = {*beside.iterdir(), *(beside / "clickward").iterdir(), *current.iterdir()} - wanted
    found |= set((place.store / "shadow").glob("clickward*"))
    found |= set((place.store / "metadata").glob("*_publishing*"))
    found |= set(place.folder.with_name("temporary").iterdir())
    return sorted(map(str, found)) + much_linked(place.folder)


def much_linked(folder: Path) -> list[str]:
    """Files with more names than one in the store and one in the current publication."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [str(path) for path in files if path.stat().st_nlink > 2]


def tables(place: Place) -> set[str]:
    """The folders of the store's tables: the engine's own, by id."""
    return {path.name for path in (place.store / "store").glob("*/*")}


def test_a_killed_publish_is_cleared_by_the_next(place: Place) -> None:
    frozen = place.store / "shadow" / "clickward_0123456789abcdef" / "store" / "a"
    frozen.mkdir(parents=True)
    (frozen / "data.bin").write_bytes(b"rows of a person")
    unfinished = Publications(place.store, "clickward").root / "20260101T000000-00000000.unfinished"
    (unfinished / "store").mkdir(parents=True)
    other = Publications(place.store, "another").root / "20260101T000000-00000000.unfinished"
    (other / "store").mkdir(parents=True)
    place.run("sql", "--write", "create database clickward_publishing")
    published(place)
    assert not other.exists()
    other.parent.rmdir()
    assert left_over(place) == []


def test_forget_clears_what_a_killed_publish_left(place: Place) -> None:
    frozen = place.store / "shadow" / "clickward_0123456789abcdef"
    frozen.mkdir(parents=True)
    (frozen / "data.bin").write_bytes(b"rows of a person")
    unfinished = Publications(place.store, "clickward").root / "20260101T000000-00000000.unfinished"
    unfinished.mkdir(parents=True)
    place.run("sql", "--write", "create database clickward_publishing")
    place.run("forget", "203.0.113.254", "--yes")
    assert not frozen.exists()
    assert not unfinished.exists()
    assert place.run("sql", "exists database clickward_publishing", "-f", "TSV") == "0\n"


def test_a_publisher_s_helper_ends_with_it(place: Place) -> None:
    process = start(place)
    publisher = psutil.Process(process.pid)
    began = time.monotonic()
    while not (helpers := publisher.children()):
        assert process.poll() is None
        assert time.monotonic() - began < 60
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    _, alive = psutil.wait_procs(helpers, timeout=20)
    assert alive == []
    published(place)
    assert left_over(place) == []


@pytest.mark.full
@pytest.mark.group("kills")
def test_publish_survives_kills(place: Place) -> None:
    published(place)
    began = time.monotonic()
    rows = published(place)
    seconds = time.monotonic() - began
    expected = content(place)
    stored = tables(place)
    assert {name: int(count) for name, (count, _) in expected.items()} == rows
    assert left_over(place) == []
    dice = random.Random(28)
    killed = with_leftovers = 0
    # A run that ended before its moment proves nothing and is not counted.
    for _ in range(5 * KILLS):
        if killed == KILLS:
            break
        moment = dice.uniform(0.2, 1) * seconds
        process = start(place)
        try:
            process.communicate(timeout=moment)
            continue
        except subprocess.TimeoutExpired:
            # It alone, as the kernel does where memory ends: its helper must see to itself.
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            killed += 1
        with_leftovers += bool(left_over(place))
        assert published(place) == rows, f"killed after {moment:.2f} s of {seconds:.2f} s"
        assert left_over(place) == [], f"killed after {moment:.2f} s of {seconds:.2f} s"
        assert content(place) == expected
        assert tables(place) == stored
    assert killed == KILLS, f"only {killed} of {KILLS} runs were still at work at their moment"
    assert with_leftovers, "no moment fell where something was left"
