"""Every family on every fold of a simulated world, with the recall on attacks it never saw.

    python benchmarks/model_lab.py --store .clickward/world/store     # a built store with truth
    python benchmarks/model_lab.py --store … --shown                  # what was validated last

Runs `clickward validate fs_install --models all` over weekly folds and prints what it committed as
Markdown: average precision on the truth by fold, and the recall of attacks absent from training.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from clickward.warehouse.connection import connection
from clickward.warehouse.contracts import read_feature_set
from clickward.warehouse.profile import find_project

FEATURE_SET = "fs_install"
WORDS = ["--models", "all", "--train", "14d", "--delay", "3d", "--test", "7d", "--step", "7d"]
SHOWN = ("average_precision", "roc_auc", "recall_at_balanced", "fpr_reached_balanced",
         "net_saved_at_balanced")  # fmt: skip


def cell(found: dict[str, Any] | None, digits: int = 3, with_ends: bool = True) -> str:
    """`0.812 [0.790, 0.833]`, or a dash."""
    if found is None or found["value"] is None:
        return "-"
    value = f"{found['value']:,.{digits}f}"
    if not with_ends or found["low"] is None:
        return value
    return f"{value} [{found['low']:,.{digits}f}, {found['high']:,.{digits}f}]"


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A table whose first column is text and whose others are figures."""
    lines = [f"| {' | '.join(header)} |", f"| --- |{' ---: |' * (len(header) - 1)}"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def report(table: list[dict[str, Any]]) -> str:
    """Three tables of the families: over all folds, by fold, and on unseen attacks by fold."""
    rows = [entry for entry in table if "average_precision" in entry["metrics"]]
    folds = sorted({entry["fold"] for entry in rows if entry["fold"] >= 0})
    by_place = {(entry["model"], entry["fold"]): entry for entry in rows}
    names = [entry["model"] for entry in rows if entry["fold"] == -1]

    def metric(name: str, fold: int, which: str) -> dict[str, Any] | None:
        return by_place.get((name, fold), {}).get("metrics", {}).get(which)

    whole = [
        [
            name,
            *(cell(metric(name, -1, which)) for which in SHOWN[:-1]),
            cell(metric(name, -1, SHOWN[-1]), digits=0),
            cell(by_place[name, -1].get("unseen")),
        ]
        for name in names
    ]
    each = [
        [name, *(cell(metric(name, fold, "average_precision")) for fold in folds)] for name in names
    ]
    unseen_folds = [f for f in folds if any("unseen" in by_place.get((n, f), {}) for n in names)]
    unseen = [
        [name, *(cell(by_place.get((name, fold), {}).get("unseen")) for fold in unseen_folds)]
        for name in names
    ]
    counts = {
        fold: next(by_place[n, fold]["unseen"]["n"] for n in names if (n, fold) in by_place)
        for fold in unseen_folds
    }
    header = ["family", *(which.replace("_", " ") for which in SHOWN), "recall, unseen attacks"]
    parts = [
        markdown(header, whole),
        markdown(["average precision", *(f"fold {fold}" for fold in folds)], each),
        markdown(
            ["recall of unseen attacks", *(f"fold {f} (n = {counts[f]:,})" for f in unseen_folds)],
            unseen,
        ),
    ]
    return "\n\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, required=True, help="a built store with its truth")
    parser.add_argument("--shown", action="store_true", help="only print what was validated last")
    options = parser.parse_args()
    os.environ["CLICKWARD_STORE"] = str(options.store.resolve())
    if not options.shown:
        begun = time.perf_counter()
        command = [sys.executable, "-m", "clickward.cli.main", "validate", FEATURE_SET, *WORDS]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        print(f"validated in {time.perf_counter() - begun:.0f} s\n")
    from clickward.models_ml.evaluation.comparison import read_comparison

    project = find_project(target="local")
    with connection(project) as warehouse:
        found = read_comparison(warehouse, read_feature_set(project, FEATURE_SET), metrics=SHOWN)
    print(report(found.table(folds=True)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
