"""Features over the contest's clicks at their full size, killed once on the way.

    python -m benchmarks.scale                      # 184.9 million clicks
    python -m benchmarks.scale --clicks 20000000 --features fs_click

Simulate, load, and build the core are timed apart. Then the features are built, the build is
killed after `--kill-after` seconds, and started again: days that the ledger had then, and parts
that stood, are not built again. `lean` is `feat_click_lean.sql` beside this file, thirty features
in one table, in a copy of the project with `SETTINGS`; `fs_click` is the project's own,
with its tests. Every command is a process of its own, whose memory is that of its whole tree. Ends
with a line of JSON.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.processes import INTERVAL, tree_memory

ROOT = Path(__file__).parents[2]
CORE = ["--select", "staging", "--select", "clicks", "--select", "labels"]
FEATURES = {
    "lean": ("feat_click_lean", ["--select", "feat_click_lean"]),
    "fs_click": ("fs_click", ["--select", "1+fs_click", "--select", "click_label_changes"]),
}
# One chunk, so that every day is read once, for no chunk has a lookback of its own; and parts whose
# sorts stay within the 2 GB from which they go to disk.
SETTINGS = {
    "chunk_rows: 100000000": "chunk_rows: 200000000",
    "part_rows: 10000000": "part_rows: 7000000",
}
PARTS_KEPT = "stands, made by a run that was ended"


@dataclass
class Phase:
    """Seconds a command took and the most memory it held, in GiB; whether it was killed."""

    seconds: float
    peak_gib: float
    was_killed: bool = False


def project_copy(folder: Path) -> Path:
    """A copy of the project with the model beside this file."""
    copy = folder / "dbt_project"
    shutil.copytree(ROOT / "dbt_project", copy, ignore=shutil.ignore_patterns("target", "logs"))
    settings = copy / "dbt_project.yml"
    text = settings.read_text()
    for usual, wanted in SETTINGS.items():
        if text.count(usual) != 1:
            raise SystemExit(f"{settings} no longer has {usual}")
        text = text.replace(usual, wanted)
    settings.write_text(text)
    shutil.copy(Path(__file__).with_name("feat_click_lean.sql"), copy / "models" / "features")
    return copy


def run(store: Path, words: list[str], kill_after: float | None = None) -> Phase:
    """Run `clickward WORDS`; end it the hard way after `kill_after` seconds."""
    environment = {"CLICKWARD_STORE": str(store), "DBT_INDIRECT_SELECTION": "cautious",
                   "DBT_LOG_PATH": str(store.parent / "logs")}  # fmt: skip
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "clickward.cli.main", *words],
        env=os.environ | environment, stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    watched, peak, killed = psutil.Process(process.pid), 0, False
    while process.poll() is None:
        peak = max(peak, tree_memory(watched))
        if kill_after is not None and time.monotonic() - began > kill_after:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed = True
            break
        time.sleep(INTERVAL)
    if process.returncode and not killed:
        raise SystemExit(f"clickward {' '.join(words)} failed")
    return Phase(round(time.monotonic() - began, 1), round(peak / 2**30, 2), killed)


def ledger(store: Path) -> list[list[Any]]:
    """Model, day, rows, and when it was built, of every record, in a process of its own."""
    script = """
import json
from clickward.warehouse.connection import connect
from clickward.warehouse.profile import find_project
warehouse = connect(find_project(target="local"))
print(json.dumps([[row[0], str(row[1]), row[2], str(row[3])] for row in warehouse.client.query(
    f"select model, day, rows, built_at from {warehouse.table('raw', 'build_days')} order by all"
).result_rows]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"CLICKWARD_STORE": str(store)},
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return list(json.loads(done.stdout))


def feature_columns(store: Path, model: str) -> int:
    """Feature columns of the built table: those named `entity__measure`."""
    script = f"""
from clickward.warehouse.connection import connect
from clickward.warehouse.profile import find_project
warehouse = connect(find_project(target="local"))
print(warehouse.scalar(
    "select count() from system.columns where database = {{features:String}}"
    " and table = '{model}' and position(name, '__') > 0",
    features=warehouse.target.database("features")))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"CLICKWARD_STORE": str(store)},
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return int(done.stdout)


def main() -> None:
    """Run the phases in turn, print each, and end with a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clicks", type=int, default=184_900_000)
    parser.add_argument("--kill-after", type=float, default=240, help="seconds of the first build")
    parser.add_argument("--folder", type=Path, help="where the disk has room")
    parser.add_argument("--features", choices=list(FEATURES), default="lean")
    options = parser.parse_args()
    model, selected = FEATURES[options.features]
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    store, world = folder / "store", folder / "world"
    copied = project_copy(folder) if options.features == "lean" else None
    features = ["build", *selected]
    if copied:
        features += ["--project-dir", str(copied), "--profiles-dir", str(ROOT / "profiles")]
    phases: dict[str, Phase] = {}
    simulation = ["simulate", "--scenario", "talkingdata", "--clicks", str(options.clicks)]
    try:
        for name, words, kill_after in (
            ("simulate", [*simulation, "--out", str(world)], None),
            ("load", ["load", "talkingdata", str(world)], None),
            ("core", ["build", *CORE], None),
            ("until_killed", features, options.kill_after),
            ("resumed", features, None),
        ):
            before = ledger(store) if name == "resumed" else []
            phases[name] = run(store, words, kill_after)
            print(name, phases[name], file=sys.stderr, flush=True)
        after = ledger(store)
        # A record that stood when the build was killed is the last one of its model and day.
        kept = {(model, day) for model, day, *_ in before}
        again = [one for one in after if one not in before and (one[0], one[1]) in kept]
        rows = sum(one[2] for one in after if one[0] == model)
        columns = feature_columns(store, model)
        parts_kept = sum(file.read_text().count(PARTS_KEPT) for file in folder.glob("logs/*.log*"))
        size = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    seconds = phases["until_killed"].seconds + phases["resumed"].seconds
    print(
        json.dumps(
            {
                "name": "scale",
                "rows": rows,
                "features": columns,
                "seconds": {"feature_build": round(seconds, 1)}
                | {name: phase.seconds for name, phase in phases.items()},
                "peak_gib": {name: phase.peak_gib for name, phase in phases.items()},
                "was_killed": phases["until_killed"].was_killed,
                "days_recorded_when_killed": len(kept),
                "days_built_again": len(again),
                "parts_taken_as_they_stood": parts_kept,
                "store_gb": round(size / 1e9, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
