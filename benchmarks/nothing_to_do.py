"""`clickward build` with nothing to do, the start of the interpreter included.

    python -m benchmarks.nothing_to_do --store .clickward/demo/store

Builds the store once, so that a build that passed stands, then times more of them, each a process
of its own, and beside it what opening the store costs alone. Ends with a line of JSON.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path

from benchmarks.processes import run_measured

OPENING = """
from clickward.warehouse.connection import connection
from clickward.warehouse.profile import find_project
with connection(find_project(target="local")) as warehouse:
    warehouse.scalar("select 1")
"""
BUILD = ["-m", "clickward.cli.main", "build", "--json"]


def seconds(words: list[str], store: str) -> tuple[float, str]:
    """Seconds that `python WORDS` took on the store, and what it printed."""
    began = time.monotonic()
    outcome = run_measured(words, os.environ | {"CLICKWARD_STORE": store}, limit=3600)
    if outcome is None:
        raise SystemExit("it took more than an hour")
    return time.monotonic() - began, outcome.output


def main() -> None:
    """Measure, and end with a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--store", required=True, help="Folder of a built store.")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    store = str(Path(options.store).resolve())
    first, _ = seconds(BUILD, store)
    builds, openings = [], []
    for _ in range(options.runs):
        taken, text = seconds(BUILD, store)
        if json.loads(text)["passed"]:
            raise SystemExit(f"there was something to do: {text}")
        builds.append(taken)
        openings.append(seconds(["-c", OPENING], store)[0])
    print(
        json.dumps(
            {
                "name": "nothing_to_do",
                "first_seconds": round(first, 2),
                "median_seconds": round(statistics.median(builds), 2),
                "opening_seconds": round(statistics.median(openings), 2),
                "runs": [round(taken, 2) for taken in builds],
            }
        )
    )


if __name__ == "__main__":
    main()
