"""Point-in-time joins: clickward beside Feast, DuckDB and Polars, in one run.

    python benchmarks/point_in_time.py
    python benchmarks/point_in_time.py --sizes small --keys zipf --engines clickward polars

For each case 100,000 rows are joined to 1,000,000 states (small) or 1,000,000 to 10,000,000
(large), each to the latest state of its key. Every run is a process of its own that reads the
same Parquet and writes the same columns; one that passes a limit is ended, and said so. Feast has
a Python of its own (`make setup-feast`). Each case ends with a line of JSON.
"""

import argparse
import hashlib
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.asof.engines import ENGINES, STATEMENT, template
from benchmarks.asof.states import VALUES, write_case
from benchmarks.processes import Outcome, run_limited
from clickward.warehouse.build import render
from clickward.warehouse.profile import find_project

ROOT = Path(__file__).resolve().parent.parent
SIZES = {"small": (100_000, 1_000_000), "large": (1_000_000, 10_000_000)}
FEAST = {"feast_duckdb": "duckdb", "feast_dask": "dask"}
# A run this long is not repeated.
LONG_SECONDS = 60


def words(engine: str, folder: Path, feast_python: Path) -> list[str]:
    """The command of one run."""
    if engine in FEAST:
        module = "benchmarks.asof.feast_stores"
        return [str(feast_python), "-W", "ignore", "-m", module, FEAST[engine], str(folder)]
    return [sys.executable, "-m", "benchmarks.asof.engines", engine, str(folder)]


def digest(folder: Path, rows: int) -> tuple[str, int]:
    """A digest of every value in order of the rows, and how many rows the engine left out.

    What it left out counts as unknown, which is what the others say of a row without a state.
    """
    found = pl.read_parquet(folder / "found.parquet")
    whole = pl.DataFrame({"row_id": np.arange(rows)}).join(
        found, on="row_id", how="left", maintain_order="left"
    )
    whole_digest = hashlib.blake2b(str(whole.height).encode())
    for name in VALUES:
        values = whole[name].cast(pl.Float64).fill_nan(None)
        whole_digest.update(values.is_null().to_numpy().tobytes())
        whole_digest.update(values.fill_null(-1).to_numpy().tobytes())
    return whole_digest.hexdigest(), rows - found["row_id"].n_unique()


def run_case(options: argparse.Namespace, size: str, keys: str, folder: Path) -> None:
    """Every engine in turn on one case."""
    entities, states = SIZES[size]
    write_case(folder, entities, states, keys)
    (folder / STATEMENT).write_text(render(find_project(), template(folder)))
    environment = os.environ | {
        "CLICKWARD_STORE": str(folder / "store"),
        "POLARS_MAX_THREADS": "2",
        "OMP_NUM_THREADS": "2",
        "FEAST_USAGE": "False",
        "PYTHONPATH": str(ROOT),
    }
    seconds: dict[str, list[float]] = {}
    peaks: dict[str, float] = {}
    failures: dict[str, str] = {}
    digests: dict[str, str] = {}
    for _ in range(options.runs):
        for engine in options.engines:
            if engine in failures or max(seconds.get(engine, [0])) > LONG_SECONDS:
                continue
            (folder / "found.parquet").unlink(missing_ok=True)
            command = words(engine, folder, options.feast_python)
            outcome = run_limited(command, environment, options.seconds, options.gib)
            if not isinstance(outcome, Outcome):
                failures[engine] = outcome
                print(f"{engine}: {outcome}", flush=True)
                continue
            seconds.setdefault(engine, []).append(float(outcome.output.split()[-1]))
            peaks[engine] = max(peaks.get(engine, 0), outcome.peak_gib)
            if engine not in digests:
                digests[engine], left_out = digest(folder, entities)
                if left_out:
                    print(f"{engine} leaves out {left_out:,} rows that have no state yet")
            print(f"{engine}: {seconds[engine][-1]:.2f} s, {outcome.peak_gib:.2f} GiB", flush=True)
    report = {
        "name": "point_in_time",
        "keys": keys,
        "rows": entities,
        "states": states,
        "seconds": {name: round(statistics.median(s), 2) for name, s in seconds.items()},
        "runs": {name: len(s) for name, s in seconds.items()},
        "peak_gib": {name: round(peak, 2) for name, peak in peaks.items()},
        "failed": failures,
        "equal": len(set(digests.values())) == 1,
    }
    print(json.dumps(report), flush=True)


def main() -> None:
    """Run the cases asked for."""
    engines = [*ENGINES, *FEAST]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument(
        "--keys", nargs="+", choices=["uniform", "zipf"], default=["uniform", "zipf"]
    )
    parser.add_argument("--engines", nargs="+", choices=engines, default=engines)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=150, help="limit of a run")
    parser.add_argument("--gib", type=float, default=12, help="limit of its resident memory")
    parser.add_argument(
        "--feast-python", type=Path, default=ROOT / ".venv-feast" / "bin" / "python"
    )
    options = parser.parse_args()
    if set(options.engines) & set(FEAST) and not options.feast_python.is_file():
        parser.error(f"no {options.feast_python}: run `make setup-feast`, or choose --engines")
    for size in options.sizes:
        for keys in options.keys:
            with tempfile.TemporaryDirectory() as folder:
                run_case(options, size, keys, Path(folder))


if __name__ == "__main__":
    main()
