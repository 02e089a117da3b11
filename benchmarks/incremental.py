"""One new day and late rows on three earlier ones, against a rebuild of everything.

    python -m benchmarks.incremental
    python -m benchmarks.incremental --clicks 500000 --runs 1

31 days of clicks in the contest's format are loaded; all but the last day and a few late rows are
built; then those arrive and are built, and a second schema is built from nothing. Models whose
windows reach one day are timed, then every model of `fs_click` is built and compared, value by
value. Each build is a process of its own. Ends with a line of JSON.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.processes import run_measured
from clickward.simulator import load_scenario, simulate

DAYS = 31
# Places of the days that late rows belong to, and one click in how many of theirs is late.
LATE_DAYS = (5, 13, 22)
LATE_ONE_IN = 50
SHORT = [
    f"feat_click_{name}"
    for name in ("attributes", "by_ip", "by_ip_app", "by_ip_device_os", "by_publisher")
]
NEEDED = ["--select", "staging", *(word for name in SHORT for word in ("--select", f"+{name}"))]
WHOLE = ["--select", "staging", "--select", "+fs_click"]
# What any build takes, with nothing to do, is measured and allowed besides.
ALLOWED = 1.3 * (2 * len(LATE_DAYS) + 1) / DAYS
# Tests that read what is not selected are left out.
CAUTIOUS = {"DBT_INDIRECT_SELECTION": "cautious"}


def write_files(folder: Path, clicks: int) -> tuple[Path, Path, int]:
    """Two files: what is there at first, and what comes later; and the rows of both."""
    simulate(load_scenario("talkingdata", clicks=clicks, days=DAYS), folder / "world")
    frame = pl.read_parquet(folder / "world" / "*.parquet").with_row_index()
    day = pl.col("click_time").dt.date()
    days = frame.select(day.unique().sort()).to_series().to_list()
    late = day.is_in([days[place] for place in LATE_DAYS]) & (pl.col("index") % LATE_ONE_IN == 0)
    # The contest's day is China's: what is left of a last UTC day belongs to the new one.
    comes_later = late | (day >= days[DAYS - 1])
    for name, chosen in (("first", ~comes_later), ("later", comes_later)):
        frame.filter(chosen).drop("index").write_parquet(folder / f"{name}.parquet")
    return folder / "first.parquet", folder / "later.parquet", frame.height


def clickward(store: Path, schema: str, *words: str | Path) -> tuple[float, float, str]:
    """Seconds, peak GiB of the process tree, and what `clickward WORDS` printed."""
    environment = {"CLICKWARD_STORE": str(store), "CLICKWARD_SCHEMA": schema, **CAUTIOUS}
    began = time.monotonic()
    outcome = run_measured(
        ["-m", "clickward.cli.main", *map(str, words)], os.environ | environment, limit=3600
    )
    if outcome is None:
        raise SystemExit(f"clickward {words[0]} took more than an hour")
    return time.monotonic() - began, outcome.peak_gib, outcome.output


def build(store: Path, schema: str, selection: list[str]) -> tuple[float, float, dict[str, int]]:
    """Seconds, peak GiB, and the days that each model wrote."""
    seconds, peak, text = clickward(store, schema, "build", *selection, "--json")
    return seconds, peak, {one["model"]: one["days"] for one in json.loads(text)["days"]}


def compare(store: Path) -> dict[str, int]:
    """Rows that only one of the two schemas has, for each table of core and features."""
    script = """
import json
from clickward.warehouse.connection import connect
from clickward.warehouse.profile import find_project
warehouse = connect(find_project(target="local"))
tables = warehouse.client.query(
    "select database, name from system.tables where engine = 'MergeTree' and database in"
    " ('whole_core', 'whole_features')").result_rows
print(json.dumps({name: sum(warehouse.scalar(
    f"select count() from (select * from {a} except all select * from {b})")
    for a, b in ((f"{database}.{name}", f"{database.replace('whole', 'steps')}.{name}"),
                 (f"{database.replace('whole', 'steps')}.{name}", f"{database}.{name}")))
    for database, name in tables}))
"""
    outcome = run_measured(["-c", script], os.environ | {"CLICKWARD_STORE": str(store)}, 3600)
    if outcome is None:
        raise SystemExit("the comparison took more than an hour")
    return dict(json.loads(outcome.output))


def main() -> None:
    """Measure, print each run, and end with a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clicks", type=int, default=3_100_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {"full": [], "incremental": [], "idle": []}
    peaks: dict[str, float] = {"full": 0.0, "incremental": 0.0}
    days: dict[str, int] = {}
    different: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        first, later, rows = write_files(folder, options.clicks)
        before, store = folder / "before", folder / "store"
        clickward(before, "steps", "load", "talkingdata", first)
        build(before, "steps", WHOLE)
        for number in range(options.runs):
            shutil.rmtree(store, ignore_errors=True)
            shutil.copytree(before, store, symlinks=True)
            clickward(store, "steps", "load", "talkingdata", later)
            clickward(store, "whole", "load", "talkingdata", first, later)
            taken: dict[str, Any] = {}
            for name, schema in (("incremental", "steps"), ("full", "whole"), ("idle", "steps")):
                taken[name] = build(store, schema, NEEDED)
                seconds[name].append(round(taken[name][0], 2))
                if name in peaks:
                    peaks[name] = round(max(peaks[name], taken[name][1]), 2)
            print(
                number, {name: seconds[name][-1] for name in seconds}, file=sys.stderr, flush=True
            )
            days = taken["incremental"][2]
        days |= build(store, "steps", WHOLE)[2]
        build(store, "whole", WHOLE)
        different = compare(store)
    medians = {name: round(statistics.median(found), 2) for name, found in seconds.items()}
    limit = ALLOWED * medians["full"] + medians["idle"]
    print(
        json.dumps(
            {
                "name": "incremental",
                "rows": rows,
                "seconds": medians,
                "runs": seconds,
                "limit_seconds": round(limit, 2),
                "within_limit": medians["incremental"] <= limit,
                "peak_gib": peaks,
                "equal": bool(different) and not any(different.values()),
                "days": days,
                "most_days": max((days.get(name, 0) for name in SHORT), default=0),
            }
        )
    )


if __name__ == "__main__":
    main()
