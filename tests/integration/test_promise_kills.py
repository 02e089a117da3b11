"""Promise 4: a command killed at any moment, and run again, leaves what it would have left.

`CLICKWARD_KILLS` is how many seeded moments each phase is killed at.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clickward.simulator import load_scenario, simulate

pytestmark = pytest.mark.full

KILLS = int(os.environ.get("CLICKWARD_KILLS", "2"))
ROOT = Path(__file__).resolve().parents[2]
DAYS = 4
# Windows in parts, rates of outcomes, a set by the time of day, a mart, and what they are made of:
# every way a model is built, without all models that are built in the same way.
BUILD = [
    "build",
    *("--select", "+fs_publisher_day"),
    *("--select", "+feat_install_verdicts_by_publisher"),
    *("--select", "feat_click_by_ip"),
    *("--select", "mart_arrival_lag_daily"),
    *("--select", "staging"),
    *("--select", "app_events"),
]


@dataclass(frozen=True)
class Bench:
    """A project of its own in `folder`: profile, store and artifacts."""

    folder: Path

    def command(self, *words: str | Path) -> list[str]:
        options = ["--profiles-dir", str(self.folder / "profiles"), "--target", "local"]
        project = ["--project-dir", str(self.folder / "dbt_project")]
        return [sys.executable, "-m", "clickward.cli.main", *map(str, words), *options, *project]

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words), cwd=ROOT, env=self.environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
        return os.environ | {
            "CLICKWARD_STORE": str(self.folder / "store"),
            "CLICKWARD_SCHEMA": "clickward",
            # Of the project's tests those run whose models are all selected.
            "DBT_INDIRECT_SELECTION": "cautious",
            "PYTHONPATH": path,
        }

    def set(self, old: str, new: str) -> None:
        """Write another value into the project's settings."""
        settings = self.folder / "dbt_project" / "dbt_project.yml"
        text = settings.read_text()
        assert text.count(old) == 1
        settings.write_text(text.replace(old, new))

    def run(self, *words: str | Path) -> float:
        """Run to the end; returns the seconds it took."""
        began = time.monotonic()
        process = self.start(*words)
        talk, _ = process.communicate()
        assert process.returncode == 0, talk
        return time.monotonic() - began

    def refused(self, *words: str | Path) -> str:
        """Run what must end with 1; returns what it says."""
        process = self.start(*words)
        talk, _ = process.communicate()
        assert process.returncode == 1, talk
        return talk

    def read(self, *words: str) -> Any:
        """The JSON that a command prints."""
        process = subprocess.run(
            self.command(*words), cwd=ROOT, env=self.environment(), text=True,
            capture_output=True, check=True,
        )  # fmt: skip
        return json.loads(process.stdout)

    def state(self) -> dict[str, Any]:
        script = ROOT / "tests" / "integration" / "store_state.py"
        done = subprocess.run(
            [sys.executable, script, self.folder / "profiles"],
            cwd=ROOT, env=self.environment(), text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def copy(self, folder: Path) -> "Bench":
        if folder.exists():
            shutil.rmtree(folder)
        shutil.copytree(self.folder, folder, symlinks=True)
        return Bench(folder)


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Benches before each phase: fresh, loaded, half (built, then more loaded), trained, scored."""
    root = tmp_path_factory.mktemp("kills")
    simulate(load_scenario("demo", days=DAYS, clicks=4000, seed=9), root / "world")
    fresh = Bench(root / "fresh")
    shutil.copytree(ROOT / "profiles", fresh.folder / "profiles")
    shutil.copytree(
        ROOT / "dbt_project", fresh.folder / "dbt_project",
        ignore=shutil.ignore_patterns("target", "logs"),
    )  # fmt: skip
    # Chunks of about a day in a few parts, so that moments fall within and between them.
    fresh.set("chunk_rows: 100000000", "chunk_rows: 2500")
    fresh.set("part_rows: 10000000", "part_rows: 1500")
    loaded = fresh.copy(root / "loaded")
    loaded.run("load", "appsflyer", root / "world")
    half = fresh.copy(root / "half")
    folders = sorted((root / "world").glob("t=*/dt=*"))
    days = sorted({folder.name for folder in folders})
    early = [folder for folder in folders if folder.name in days[: DAYS - 1]]
    half.run("load", "appsflyer", *early)
    half.run(*BUILD)
    half.run("load", "appsflyer", root / "world")
    trained = loaded.copy(root / "trained")
    trained.run("build")
    trained.run("train", "fs_install", "--model", "xgboost", "--param", "n_estimators=20")
    scored = trained.copy(root / "scored")
    scored.set("blocklist_min_installs: 10", "blocklist_min_installs: 1")
    scored.set("blocklist_min_flagged_share: 0.2", "blocklist_min_flagged_share: 0.01")
    scored.run("score", "fs_install")
    scored.run("build", "--select", "marts")
    return root


def survives(
    base: Bench,
    words: Sequence[str | Path],
    seed: int,
    check: Callable[[Any], Any],
    done: str | None = None,
) -> None:
    """Kill `words` at seeded moments, each on a copy of `base`; then run it to the end.

    `done` is what a command says that is refused where the killed one had done its work.
    """
    work = base.folder.parent / "work"
    whole = base.copy(work)
    seconds = whole.run(*words)
    expected = check(whole.state())
    dice = random.Random(seed)
    killed = 0
    # A run that ended before its moment proves nothing and is not counted.
    for _ in range(5 * KILLS):
        if killed == KILLS:
            break
        bench = base.copy(work)
        moment = dice.uniform(0.1, 0.95) * seconds
        began = time.monotonic()
        process = bench.start(*words)
        try:
            process.communicate(timeout=moment)
            seconds = min(seconds, time.monotonic() - began)
            continue
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            killed += 1
        if done and check(bench.state()) == expected:
            assert done in bench.refused(*words)
        else:
            bench.run(*words)
        state = bench.state()
        assert check(state) == expected, f"killed after {moment:.2f} s of {seconds:.2f} s"
        assert state["leftovers"] == []
    assert killed == KILLS, f"only {killed} of {KILLS} runs were still at work at their moment"


def test_load_survives_kills(stages: Path) -> None:
    words = ["load", "appsflyer", stages / "world"]
    survives(Bench(stages / "fresh"), words, 1, lambda state: state["raw"])


def test_first_build_survives_kills(stages: Path) -> None:
    survives(Bench(stages / "loaded"), BUILD, 2, lambda state: state["tables"])


def test_later_build_survives_kills(stages: Path) -> None:
    survives(Bench(stages / "half"), BUILD, 3, lambda state: state["tables"])


def test_score_survives_kills(stages: Path) -> None:
    survives(
        Bench(stages / "trained"), ["score", "fs_install", "--batch-rows", "100"], 4,
        lambda state: [state["tables"], state["scores"]],
    )  # fmt: skip


def test_unload_survives_kills(stages: Path) -> None:
    """Loads that were built and loads that were not, taken back together."""
    folders = sorted((stages / "world").glob("t=*/dt=*"))
    middle = sorted({folder.name for folder in folders})[1]
    words = ["unload", *(folder for folder in folders if folder.name >= middle), "--yes"]
    survives(Bench(stages / "half"), words, 5, lambda state: [state["raw"], state["ledgers"]])


def test_claims_survive_kills(stages: Path) -> None:
    """The claim and its file: frozen rows of no claim go, and the file tells of the claim kept."""
    base, out = Bench(stages / "scored"), stages / "work" / "claim.csv"
    network, installs = base.read(
        "sql",
        "select publisher, count() from clickward_marts.install_facts"
        " where is_flagged = 1 and not is_blocked group by publisher order by 2 desc limit 1",
        *("--format", "JSONCompactEachRow"),
    )
    assert int(installs) > 1

    def written(state: Any) -> list[Any]:
        lines = out.read_text().splitlines() if out.exists() else []
        (claims, rows, ids) = state["claims"]
        told = sorted({line.rsplit(",", 1)[-1] for line in lines[1:]})
        return [claims, rows, [line.rsplit(",", 1)[0] for line in lines], told == ids]

    words = ["claims", "export", "--network", network, "--month"]
    words += ["2026-01", "--out", out]
    survives(base, words, 6, written, done="is flagged")


def test_block_survives_kills(stages: Path) -> None:
    """Decisions about several sources: all or none."""
    base = Bench(stages / "scored")
    found = base.read("block", "list", "--state", "shadow", "--json")
    ids = [row["candidate_id"] for row in found if not row["is_control"]]
    assert len(ids) > 2
    words = ["block", "approve", *ids, "--reason", "agreed with the network"]
    survives(base, words, 7, lambda state: state["decisions"], done="is active already")
