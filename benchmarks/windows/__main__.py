"""Windows over clicks: clickward beside DuckDB, Polars, Dask and pandas, in one run.

    python -m benchmarks.windows --rows 1000000
    python -m benchmarks.windows --rows 10000000 --runs 1 --engines clickward duckdb polars

Each engine reads the same Parquet and writes the same columns, every run in a process of its
own; an engine that does not finish in `--limit` seconds has no figure. Ends with a line of JSON.
"""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import tempfile
from pathlib import Path

import polars as pl

from benchmarks.processes import Outcome, run_measured
from benchmarks.windows.clicks import write_clicks
from benchmarks.windows.clickward import statements
from benchmarks.windows.engines import ENGINES
from benchmarks.windows.job import ENTITIES, columns


def run_engine(engine: str, clicks: Path, out: Path, sql: str, limit: float) -> Outcome | None:
    """One run into an empty folder; None if it took longer than `limit`."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    (out / "statements.sql").write_text(sql)
    words = ["-m", "benchmarks.windows.engines", engine, str(clicks), str(out)]
    environment = {"CLICKWARD_STORE": str(out / "store"), "POLARS_MAX_THREADS": "2"}
    return run_measured(words, os.environ | environment, limit)


def digests(out: Path) -> dict[str, str]:
    """For every column a digest of its values in order of the clicks."""
    found = {}
    for entity in ENTITIES:
        path = out / f"{entity}.parquet"
        frame = pl.read_parquet(path / "*.parquet" if path.is_dir() else path).sort("click_id")
        for name in columns(entity):
            # Of what may be unknown, NaN and NULL mean the same.
            values = frame[name].cast(pl.Float64).fill_nan(None).fill_null(-1)
            # Whole milliseconds: engines differ in the last bit of a quotient.
            values = (values * 1000).round()
            found[name] = hashlib.blake2b(values.to_numpy().tobytes()).hexdigest()
    return found


def main() -> None:
    """Run every engine in turn, and say what each took and whether all agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--limit", type=float, default=900, help="seconds a run may take")
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {}
    peaks: dict[str, float] = {}
    found: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        clicks, out = Path(folder) / "clicks.parquet", Path(folder) / "out"
        write_clicks(clicks, options.rows)
        sql = "\n-- next\n".join(statements(clicks, out))
        too_slow: set[str] = set()
        for _ in range(options.runs):
            for engine in options.engines:
                if engine in too_slow:
                    continue
                outcome = run_engine(engine, clicks, out, sql, options.limit)
                if outcome is None:
                    too_slow.add(engine)
                    print(f"{engine}: more than {options.limit:g} s", flush=True)
                    continue
                seconds.setdefault(engine, []).append(float(outcome.output.split()[-1]))
                peaks[engine] = max(peaks.get(engine, 0), outcome.peak_gib)
                found.setdefault(engine, digests(out))
                print(
                    f"{engine}: {seconds[engine][-1]:.1f} s, {outcome.peak_gib:.2f} GiB", flush=True
                )
    first = next(iter(found.values()))
    for engine, others in found.items():
        for name in [name for name in first if others[name] != first[name]]:
            print(f"{engine} differs in {name}")
    print(
        json.dumps(
            {
                "name": "windows",
                "rows": options.rows,
                "seconds": {name: round(statistics.median(s), 2) for name, s in seconds.items()},
                "peak_gib": {name: round(peak, 2) for name, peak in peaks.items()},
                "equal": all(others == first for others in found.values()),
            }
        )
    )


if __name__ == "__main__":
    main()
