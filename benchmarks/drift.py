"""Drift of 100 features over 3,000,000 rows: `python benchmarks/drift.py`."""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parent.parent))

from benchmarks.processes import run_measured  # noqa: E402

RUNS = 3


def columns(features: int) -> dict[str, tuple[str, str]]:
    """Type and SQL of each feature: counts, seconds with unknowns, shares, codes of a country."""
    kinds = [
        ("UInt64", "toUInt64(floor(1 / ({u} + 1e-9)))"),
        ("Nullable(Float64)", "if({u} < 0.2, null, exp(12 * {u}))"),
        ("Nullable(Float64)", "toNullable({u})"),
        ("LowCardinality(String)", "toLowCardinality(toString(floor(pow({u}, 3) * 40)))"),
    ]
    found = {}
    for number in range(features):
        data_type, sql = kinds[number % len(kinds)]
        uniform = f"(sipHash64(number, {number}) % 4294967296 / 4294967296)"
        found[f"f{number}"] = (data_type, sql.format(u=uniform))
    return found


def measure(rows: int, features: int, days: int, sql: list[str]) -> dict[str, float]:
    """Seconds of the histograms and of the drift on a store made here."""
    from clickward.warehouse.connection import connection
    from clickward.warehouse.profile import find_project

    with connection(find_project(target="local")) as warehouse:
        warehouse.command("create database bench")
        made = ", ".join(f"{text} as {name}" for name, (_, text) in columns(features).items())
        warehouse.command(
            "create table bench.rows engine = MergeTree partition by event_date order by tuple()"
            f" as select toDate('2026-01-01') + intDiv(number * {days}, {rows}) as event_date,"
            f" {made} from numbers({rows})"
        )
        warehouse.command(
            "create table bench.reference engine = Memory as select 'fs_bench' as feature_set,"
            " toDate('2026-01-01') as from_date, from_date + 14 as to_date"
        )
        seconds = {}
        for name, query in zip(("histograms", "drift"), sql, strict=True):
            began = time.monotonic()
            warehouse.command(
                f"create table bench.{name} engine = MergeTree order by tuple() as {query}"
            )
            seconds[name] = time.monotonic() - began
        seconds["alarms"] = float(warehouse.scalar("select sum(is_drift) from bench.drift"))
        return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--features", type=int, default=100)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--sql", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.sql:
        found = measure(asked.rows, asked.features, asked.days, json.loads(asked.sql.read_text()))
        print(json.dumps(found))
        return
    from clickward.warehouse.build import render
    from clickward.warehouse.profile import find_project

    stated = [
        {"name": name, "data_type": data_type}
        for name, (data_type, _) in columns(asked.features).items()
    ]
    text = render(
        find_project(target="local"),
        f"{{{{ feature_histograms('fs_bench', 'bench.rows', {stated}) }}}}\n-- next\n"
        "{{ feature_drift('bench.histograms', 'bench.reference') }}",
    )
    runs, peaks = [], []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            sql = Path(folder) / "sql.json"
            sql.write_text(json.dumps(text.split("\n-- next\n")))
            words = [str(HERE), "--rows", str(asked.rows), "--features", str(asked.features)]
            outcome = run_measured(
                [*words, "--days", str(asked.days), "--sql", str(sql)],
                os.environ | {"CLICKWARD_STORE": f"{folder}/store"},
                600,
            )
            if outcome is None:
                raise SystemExit("no end after 600 s")
            runs.append(json.loads(outcome.output))
            peaks.append(outcome.peak_gib)
    medians = {name: round(statistics.median(run[name] for run in runs), 2) for name in runs[0]}
    alarms = medians.pop("alarms")
    print(
        json.dumps(
            {
                "name": "drift",
                "rows": asked.rows,
                "features": asked.features,
                "days": asked.days,
                "seconds": medians,
                "peak_gib": round(max(peaks), 2),
                "alarms": alarms,
            }
        )
    )


if __name__ == "__main__":
    main()
