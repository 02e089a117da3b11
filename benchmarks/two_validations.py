"""Two validations at once beside one alone: `python benchmarks/two_validations.py`.

Each runs in a process of its own on a store of its own, with 10,000 rows of 100 features.
`--spinning` has two threads for any rows, which spin while they wait: as it was before 0.2.0.
"""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "integration")]

ROWS, FEATURES, DAYS = 10_000, 100, 14
MODELS = "xgboost,logistic_regression,random_forest"
SPINNING = {"OMP_NUM_THREADS": "2", "GOMP_SPINCOUNT": "300000", "OPENBLAS_THREAD_TIMEOUT": "26"}


@dataclass(frozen=True)
class Run:
    """One validation: its wait, its processor time, and every figure it gave."""

    seconds: float
    processor: float
    figures: list[Any]


def types() -> dict[str, str]:
    """The features of the tests' world that are no sequences, and numbers of three kinds."""
    from models_world import SEQUENCE, TYPES

    own = {name: kind for name, kind in TYPES.items() if name != SEQUENCE}
    numbered = [f"publisher__made_{number}_1d" for number in range(FEATURES - len(own))]
    return own | dict.fromkeys(numbered, "Nullable(Float64)")


def make(project: Any) -> None:
    """A store with the feature set, verdicts and installs."""
    import models_world as world
    import numpy as np
    import polars as pl

    from clickward.warehouse.connection import connection
    from clickward.warehouse.tables import create_database

    rng = np.random.default_rng(7)
    installs = world.rows(ROWS, DAYS, seed=7)
    bad = installs["attack"].to_numpy() != ""
    kinds = [
        lambda: rng.lognormal(3, 1.5, ROWS),
        lambda: rng.poisson(4, ROWS) + bad * rng.poisson(1, ROWS),
        lambda: rng.random(ROWS) ** (1 + 0.2 * bad),
    ]
    made = [name for name in types() if "__made_" in name]
    columns = [pl.Series(name, kinds[j % 3](), dtype=pl.Float64) for j, name in enumerate(made)]
    with connection(project) as warehouse:
        world.make_ml_tables(warehouse)
        world.make_labels(warehouse, world.verdicts_on(installs, seed=7))
        world.make_installs(warehouse, installs, seed=7)
        warehouse.command(create_database(warehouse.target, "features"))
        table = warehouse.table("features", "fs_install")
        listed = ", ".join(f"`{name}` {kind}" for name, kind in types().items())
        warehouse.command(
            f"create table {table} (install_id UUID, event_at DateTime64(3, 'UTC'), is_fraud UInt8,"
            " label_known_at Nullable(DateTime64(3, 'UTC')),"
            f" attack_type LowCardinality(Nullable(String)), {listed})"
            " engine MergeTree partition by toDate(event_at) order by (event_at, install_id)"
        )
        warehouse.insert(table, installs.drop("attack", world.SEQUENCE).with_columns(columns))


def validate(project: Any, models: str) -> Run:
    """One validation, once a line on stdin says so."""
    import models_world as world

    from clickward.models_ml.validation import Protocol, Windows
    from clickward.models_ml.validation import validate as run_validation
    from clickward.warehouse.connection import connection

    windows = Windows(6 * world.DAY, 1 * world.DAY, 3 * world.DAY, 3 * world.DAY)
    with connection(project) as warehouse:
        contract = world.feature_set(warehouse, **types())
        print("ready", flush=True)
        sys.stdin.readline()
        began = time.perf_counter(), time.process_time()
        found = run_validation(
            warehouse, contract, models, windows, protocol=Protocol(resamples=50), restart=True
        )
        ended = time.perf_counter(), time.process_time()
    figures = [row for evaluation in found for row in evaluation.rows()]
    return Run(ended[0] - began[0], ended[1] - began[1], figures)


def child(verb: str, store: Path, models: str) -> None:
    """`make` or `validate` on one store, as this process is asked to."""
    from clickward.warehouse.profile import Project

    project = Project(ROOT / "dbt_project", store / "profiles", "local")
    if verb == "make":
        make(project)
    else:
        print(json.dumps(vars(validate(project, models)), default=str))


def start(verb: str, store: Path, asked: argparse.Namespace) -> subprocess.Popen[str]:
    """A child of this script on a store of its own."""
    words = [sys.executable, str(HERE), "--verb", verb, "--store", str(store)]
    environment = os.environ | {"CLICKWARD_STORE": str(store / "store")}
    environment |= SPINNING if asked.spinning else {}
    return subprocess.Popen(
        [*words, "--models", asked.models],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def together(stores: list[Path], asked: argparse.Namespace) -> list[Run]:
    """Validations on these stores, begun at one time."""
    children = [start("validate", store, asked) for store in stores]
    for one in children:
        assert one.stdout is not None
        if one.stdout.readline() != "ready\n":
            raise SystemExit("a validation did not begin")
    outputs = []
    for one in children:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    for one in children:
        outputs.append(one.communicate()[0])
        if one.returncode:
            raise SystemExit(f"a validation ended with exit code {one.returncode}")
    return [Run(**json.loads(output)) for output in outputs]


def measure(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """One alone and two at once, as often as asked for, in turn."""
    stores = [folder / name for name in ("a", "b")]
    for store in stores:
        shutil.copytree(ROOT / "profiles", store / "profiles")
        if start("make", store, asked).wait():
            raise SystemExit("the store could not be made")
    rounds = [(together(stores[:1], asked), together(stores, asked)) for _ in range(asked.runs)]
    alone = [one.seconds for (one,), _ in rounds]
    both = [max(one.seconds for one in pair) for _, pair in rounds]
    runs = [run for one, pair in rounds for run in (*one, *pair)]
    return {
        "name": "two_validations",
        "rows": ROWS, "features": FEATURES, "models": asked.models, "spinning": asked.spinning,
        "seconds_alone": [round(value, 1) for value in alone],
        "seconds_both": [round(value, 1) for value in both],
        "ratios": [round(two / one, 2) for one, two in zip(alone, both, strict=True)],
        "median_ratio": round(
            statistics.median(two / one for one, two in zip(alone, both, strict=True)), 2
        ),
        "processor_alone": [round(one.processor, 1) for (one,), _ in rounds],
        "processor_both": [[round(one.processor, 1) for one in pair] for _, pair in rounds],
        "figures": len(runs[0].figures),
        "figures_hash": hashlib.sha256(json.dumps(runs[0].figures).encode()).hexdigest()[:12],
        "all_figures_equal": all(run.figures == runs[0].figures for run in runs),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--models", default=MODELS)
    parser.add_argument("--spinning", action="store_true")
    parser.add_argument("--verb", help=argparse.SUPPRESS)
    parser.add_argument("--store", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.verb:
        child(asked.verb, asked.store, asked.models)
        return
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(Path(folder), asked)))


if __name__ == "__main__":
    main()
