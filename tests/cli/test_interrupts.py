"""Ctrl-C, as a terminal sends it to every process of a command: 130, and what is kept."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from test_cli import ROOT, clickward, place

__all__ = ["place"]
pytestmark = pytest.mark.after_check


def interrupted(place: Path, at: Callable[[], bool], *words: str) -> str:
    """Start `clickward WORDS`, send SIGINT to its process group once `at` holds; its talk."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CLICKWARD_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "clickward.cli.main", *words],
        cwd=place, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
        env=environment | {
            "DBT_PROFILES_DIR": str(place / "profiles"),
            "DBT_PROJECT_DIR": str(ROOT / "dbt_project"),
            "DBT_LOG_PATH": str(place / "logs"),
        },
    )  # fmt: skip
    end = time.monotonic() + 60
    while not at():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    talk, _ = process.communicate(timeout=60)
    assert process.returncode == 130, talk
    assert "Traceback" not in talk
    return talk.splitlines()[-1]


def test_an_interrupted_simulation_leaves_no_folder(place: Path) -> None:
    words = ["simulate", "--out", "world", "--days", "20", "--clicks", "2000000"]
    for workers in ("1", "2"):
        # Of the run before, which only a later run removes.
        shutil.rmtree(place / ".world.partial", ignore_errors=True)
        begun = (place / ".world.partial").exists
        last = interrupted(place, begun, *words, "--workers", workers)
        assert last.startswith("interrupted: the folder appears whole or not at all")
        assert not (place / "world").exists()


def test_an_interrupted_load_and_build_go_on(place: Path) -> None:
    words = ["simulate", "--out", "world", "--days", "8", "--clicks", "20000", "--seed", "3"]
    assert clickward(place, *words).returncode == 0
    store, log = place / ".clickward" / "store", place / "logs" / "dbt.log"
    last = interrupted(place, (store / "status").exists, "load", "appsflyer", "world")
    assert last.startswith("interrupted: files that were loaded stay")
    assert clickward(place, "load", "appsflyer", "world").returncode == 0

    def is_building() -> bool:
        return log.exists() and "OK created" in log.read_text()

    select = ["--select", "+clicks"]
    last = interrupted(place, is_building, "build", *select)
    assert last == "interrupted: days that were built stay; the next build goes on there"
    done = clickward(place, "build", *select)
    assert done.returncode == 0, done.stderr
    counts = "select count(), uniqExact(click_id) from clickward_core.clicks"
    assert clickward(place, "sql", counts, "--format", "CSV").stdout == "20000,20000\n"


def test_a_query_in_the_engine_is_interrupted(place: Path) -> None:
    for what in ("count()", "number"):
        query = f"select {what} from numbers(1000000000000) where number % 7 = 9"
        end = time.monotonic() + 4
        last = interrupted(place, lambda: time.monotonic() > end, "sql", query)  # noqa: B023
        assert last == "interrupted: the statement was stopped"
        assert time.monotonic() - end < 5


def test_an_interrupt_while_the_program_loads(place: Path) -> None:
    """The first import of the command line's own hears it."""
    code = (
        "import os, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'clickward.cli.block': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "import clickward.cli.main\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=place, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (130, "interrupted: nothing was done\n")


def test_an_error_that_a_library_makes_of_an_interrupt(place: Path) -> None:
    """Polars ends in a panic where it is interrupted as it first meets NumPy."""
    code = (
        "import os, signal, time\n"
        "import clickward.cli.main as main\n"
        "def app():\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGINT); time.sleep(5)\n"
        "    except KeyboardInterrupt as error:\n"
        "        raise {} from error\n"
        "main.app = app\n"
        "main.main()\n"
    )
    for error in ("BaseException('a panic')", "ValueError('no')", "OSError(5, 'no')"):
        done = subprocess.run(
            [sys.executable, "-c", code.format(error)],
            cwd=place, capture_output=True, text=True, check=False,
        )  # fmt: skip
        told = "interrupted: what was committed stays; run the same command again to go on\n"
        assert (done.returncode, done.stderr) == (130, told)


def test_two_interrupts_end_as_one(place: Path) -> None:
    words = ["simulate", "--out", "world", "--days", "20", "--clicks", "2000000", "--workers", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "clickward.cli.main", *words],
        cwd=place, text=True, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    end = time.monotonic() + 60
    while not (place / ".world.partial").exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    for _ in range(2):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.05)
    _, talk = process.communicate(timeout=60)
    assert process.returncode == 130, talk
    assert "Traceback" not in talk
    assert not (place / "world").exists()
