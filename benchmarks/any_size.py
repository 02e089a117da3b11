"""Peak memory of training as rows grow: whole in memory, from batches, with bins on disk.

    python benchmarks/any_size.py                            # 250,000 and 1,000,000 rows
    python benchmarks/any_size.py --rows 500000 2000000 --features 40

Each training is a process of its own over the same snapshot file; what Python and the libraries
take before a row is read is told apart. Snapshots are pulled from an embedded store by another
process, whose peak is told too.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

try:
    from benchmarks.processes import run_measured
except ModuleNotFoundError:  # run as a file
    from processes import run_measured  # type: ignore[import-not-found,no-redef]

WAYS = ("nothing", "memory", "batches", "disk")
DAYS, TREES, BLOCK = 8, 20, 65_536


def blocks(rows: int, features: int) -> Iterator[pl.DataFrame]:
    """Clicks in order of time: numbers with unknowns, and two categories that tell something."""
    rng = np.random.default_rng(5)
    for begin in range(0, rows, BLOCK):
        n = min(BLOCK, rows - begin)
        at = np.arange(begin, begin + n) * (DAYS * 86_400_000 // rows)
        values = rng.lognormal(2, 1, (n, features - 2)).astype(np.float32)
        publisher = rng.integers(0, 400, n)
        odds = np.exp(values[:, 0] / 40 + (publisher % 7 == 0) * 1.5 - 4)
        y = (rng.random(n) < odds / (1 + odds)).astype(np.uint8)
        columns = {f"ip__f{j}_1d": pl.Series(values[:, j]) for j in range(features - 2)}
        hidden = pl.Series(rng.random(n) < 0.1)
        yield pl.DataFrame(
            {
                "click_id": [f"{place:036d}" for place in range(begin, begin + n)],
                "event_at": pl.Series(at).cast(pl.Datetime("ms", "UTC")),
                "is_fraud": y,
                "publisher": pl.Series(publisher).cast(pl.String) + "_int",
                "os": pl.Series(rng.choice(["android", "ios", "other"], n)),
                **columns,
            }
        ).with_columns(
            pl.when(~hidden).then(pl.col(f"ip__f{j}_1d")).alias(f"ip__f{j}_1d") for j in (1, 2)
        )


def make_snapshot(path: Path, rows: int, features: int) -> None:
    """A snapshot file and its manifest, as `clickward snapshot` writes them."""
    import pyarrow.parquet as pq

    from clickward.models_ml.dataset.snapshot import manifest_path

    writer: Any = None
    for frame in blocks(rows, features):
        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    writer.close()
    names = [name for name in frame.columns if name not in ("click_id", "event_at", "is_fraud")]
    manifest = {
        "snapshot_id": path.stem, "rows": rows, "target": "is_fraud", "subject_id": "click_id",
        "contract": [{"name": name} for name in names],
    }  # fmt: skip
    manifest_path(path).write_text(json.dumps(manifest))


def train(path: Path, way: str) -> dict[str, Any]:
    """Thresholds and model from one snapshot: seconds, and a hash of the trees and the scores."""
    from clickward.models_ml.dataset.snapshot import Snapshot, read_manifest_of
    from clickward.models_ml.training.learners import Limits, choose_learner
    from clickward.models_ml.training.run import build_estimator

    limits = {"memory": Limits(10**12), "batches": Limits(0, 10**12), "disk": Limits(0, 0)}
    estimator = build_estimator("xgboost", {"n_estimators": TREES}, 0)
    begun = time.perf_counter()
    if way == "nothing":
        choose_learner(estimator, Snapshot(path, {}, True), path.parent, Limits(0))
        return {"seconds": 0.0, "hash": ""}
    snapshot = Snapshot(path, read_manifest_of(path), is_new=True)
    learner = choose_learner(estimator, snapshot, path.parent, limits[way])
    holdout = learner.holdout(estimator)
    learner.fit(estimator)
    found = hashlib.sha256(bytes(estimator.booster_.save_raw()) + holdout.scores.tobytes())
    return {"seconds": time.perf_counter() - begun, "hash": found.hexdigest()[:12]}


def pull(folder: Path, rows: int, features: int) -> dict[str, Any]:
    """Seconds to pull a snapshot of so many rows from an embedded store, already loaded."""
    from clickward.models_ml.dataset.snapshot import pull_snapshot
    from clickward.warehouse.connection import connection
    from clickward.warehouse.contracts import Feature, FeatureSet
    from clickward.warehouse.profile import Project, find_project
    from clickward.warehouse.run_log import ensure_ml_tables
    from clickward.warehouse.tables import create_database

    checkout = find_project(target="local")
    (folder / "profiles").mkdir(exist_ok=True)
    text = (checkout.profiles_dir / "profiles.yml").read_text()
    (folder / "profiles" / "profiles.yml").write_text(text)
    with connection(Project(checkout.project_dir, folder / "profiles", "local")) as warehouse:
        relation = warehouse.table("features", "fs_any")
        names = next(blocks(1, features)).drop("click_id", "event_at", "is_fraud").schema
        kinds = {n: "String" if k == pl.String else "Nullable(Float32)" for n, k in names.items()}
        contract = tuple(
            Feature(n, k, n, "feat", "ip", "1d", "count", "0", ()) for n, k in kinds.items()
        )
        fs = FeatureSet("fs_any", relation, "click", "click_id", "is_fraud", "click", contract)
        if not (folder / "loaded").exists():
            for stage in ("features", "core", "ml"):
                warehouse.command(create_database(warehouse.target, stage))
            ensure_ml_tables(warehouse)
            columns = ", ".join(f"`{name}` {kind}" for name, kind in kinds.items())
            warehouse.command(
                f"create table {relation} (click_id String, event_at DateTime64(3, 'UTC'),"
                f" is_fraud UInt8, label_known_at Nullable(DateTime64(3, 'UTC')), {columns})"
                " engine MergeTree partition by toDate(event_at) order by (event_at, click_id)"
            )
            for frame in blocks(rows, features):
                warehouse.insert(relation, frame)
            (folder / "loaded").touch()
            return {"seconds": 0.0, "hash": ""}
        begun = time.perf_counter()
        found = pull_snapshot(warehouse, fs, out=folder / "pulled.parquet")
        return {"seconds": time.perf_counter() - begun, "hash": found.snapshot_id}


def measured(words: list[str], folder: Path) -> tuple[float, dict[str, Any]]:
    """Peak GiB of this file run as `WORDS`, and what it printed."""
    environment = os.environ | {
        "CLICKWARD_STORE": str(folder / "store"),
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
    }
    outcome = run_measured([__file__, *words], environment, limit=3600)
    if outcome is None:
        raise SystemExit(f"{' '.join(words)} took more than an hour")
    return outcome.peak_gib, json.loads(outcome.output)


def main() -> None:
    """Print a table in Markdown: a row for each way, peaks and seconds by rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[250_000, 1_000_000])
    parser.add_argument("--features", type=int, default=40)
    parser.add_argument("--one", nargs=2, metavar=("FILE", "WAY"), help=argparse.SUPPRESS)
    parser.add_argument("--pull", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one or options.pull:
        done = (
            train(Path(options.one[0]), options.one[1])
            if options.one
            else pull(options.pull, options.rows[0], options.features)
        )
        print(json.dumps(done))
        return
    found: dict[str, list[tuple[float, dict[str, Any]]]] = {way: [] for way in (*WAYS, "snapshot")}
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            path = folder / "rows.parquet"
            make_snapshot(path, rows, options.features)
            for way in WAYS:
                found[way].append(measured(["--one", str(path), way], folder))
            words = ["--pull", name, "--rows", str(rows), "--features", str(options.features)]
            measured(words, folder)
            found["snapshot"].append(measured(words, folder))
    head = " | ".join(f"{rows:,} rows" for rows in options.rows)
    print(f"| peak GiB (seconds) | {head} |\n| --- |{' ---: |' * len(options.rows)}")
    for way, cells in found.items():
        shown = " | ".join(f"{peak:.2f} ({facts['seconds']:.0f})" for peak, facts in cells)
        print(f"| {way} | {shown} |")
    for place, rows in enumerate(options.rows):
        hashes = {found[way][place][1]["hash"] for way in WAYS[1:]}
        print(f"{rows:,} rows: {'the same' if len(hashes) == 1 else 'DIFFERENT'} trees and scores")


if __name__ == "__main__":
    sys.exit(main())
