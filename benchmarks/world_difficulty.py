"""How hard a simulated world is: single features, rules, boosting, new attacks, shuffled labels.

    python benchmarks/world_difficulty.py                      # `default` at its full size
    python benchmarks/world_difficulty.py --scenario hard
    python benchmarks/world_difficulty.py --store .clickward/demo/store --train 7 --test 3

Simulates, loads and builds in a temporary folder, or reads a store that holds a built world
with its truth, then measures on the truth and compares with the limits a world of use must keep.
Ends with 1 where a limit is broken.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from difficulty import Difficulty, measure, read_history, weekly

from clickward.warehouse.connection import connection
from clickward.warehouse.contracts import read_feature_set
from clickward.warehouse.profile import find_project

SINGLE_AT_MOST = 0.90
RULES_AT_MOST = 0.8  # of gradient boosting
BOOSTING_BELOW = 0.95
DROP_AT_LEAST = 0.05
SHUFFLED_WITHIN = 0.02  # of one half


def limits(found: Difficulty) -> dict[str, bool]:
    """Whether each limit holds, by its sentence."""
    best = found.single.row(0, named=True)
    ratio = found.rules.value / found.boosting.value
    drop = found.before.value - found.after.value
    kept = {
        f"the best single feature, {best['feature']}, has ROC AUC {best['roc_auc']:.3f}"
        f" (at most {SINGLE_AT_MOST})": best["roc_auc"] <= SINGLE_AT_MOST,
        f"average precision of hand-written rules {found.rules}, of gradient boosting"
        f" {found.boosting}: {ratio:.2f} times (at most {RULES_AT_MOST}, intervals disjoint)": (
            ratio <= RULES_AT_MOST and found.rules.high < found.boosting.low
        ),
        f"average precision of gradient boosting {found.boosting} (below {BOOSTING_BELOW})": (
            found.boosting.value < BOOSTING_BELOW
        ),
        f"a model of the weeks before {found.before}, with new attacks {found.after}:"
        f" {drop:.3f} lower (at least {DROP_AT_LEAST})": drop >= DROP_AT_LEAST,
        f"ROC AUC on shuffled labels {found.shuffled} (within {SHUFFLED_WITHIN} of 0.5)": abs(
            found.shuffled.value - 0.5
        )
        <= SHUFFLED_WITHIN,
    }
    return {sentence: bool(holds) for sentence, holds in kept.items()}


def report(found: Difficulty) -> bool:
    """Print the figures as Markdown; whether every limit holds."""
    print("\n| test window | installs | frauds | of attacks new to it | retrained | frozen |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for week in found.weeks:
        print(
            f"| {week.number} | {week.installs:,} | {week.frauds:,} | {week.unseen:,} |"
            f" {week.retrained:.3f} | {week.frozen:.3f} |"
        )
    print("\n| single feature | ROC AUC |\n| --- | ---: |")
    for name, auc in found.single.head(8).iter_rows():
        print(f"| `{name}` | {auc:.3f} |")
    print()
    kept = limits(found)
    for sentence, holds in kept.items():
        print(f"- {'kept' if holds else 'BROKEN'}: {sentence}")
    return all(kept.values())


def as_json(found: Difficulty) -> str:
    """The figures and the limits as one object."""
    facts = {
        name: vars(getattr(found, name))
        for name in ("boosting", "rules", "before", "after", "shuffled")
    }
    weeks = [vars(week) for week in found.weeks]
    return json.dumps(
        facts | {"weeks": weeks, "single": found.single.to_dicts(), "limits": limits(found)}
    )


def build_world(folder: Path, words: list[str]) -> Path:
    """Simulate, load and build in `folder`; the store."""
    world, store = folder / "world", folder / "store"
    environment = os.environ | {"CLICKWARD_STORE": str(store)}
    for command in (
        ["simulate", *words, "--out", str(world)],
        ["load", "appsflyer", str(world)],
        ["load", "truth", str(world / "truth.parquet")],
        ["build"],
    ):
        begun = time.perf_counter()
        subprocess.run(["clickward", *command], env=environment, check=True, stdout=sys.stderr)
        print(f"{' '.join(command[:2])}: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    return store


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, help="a built store; without it one is made")
    parser.add_argument("--scenario", default="default", help="the world to make")
    parser.add_argument("--seed", default="7", help="of world and models")
    parser.add_argument("--train", type=int, default=14, help="days of a training window")
    parser.add_argument("--delay", type=int, default=3, help="days labels are given to arrive")
    parser.add_argument("--test", type=int, default=7, help="days of a test window")
    parser.add_argument("--json", action="store_true", help="one object instead of tables")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = options.store or build_world(
            Path(folder), ["--scenario", options.scenario, "--seed", options.seed]
        )
        os.environ["CLICKWARD_STORE"] = str(store)
        project = find_project(target="local")
        with connection(project) as warehouse:
            history = read_history(warehouse, read_feature_set(project, "fs_install"))
        split = weekly(options.train, options.delay, options.test)
        found = measure(history, split, seed=int(options.seed))
    if options.json:
        print(as_json(found))
        return 0 if all(limits(found).values()) else 1
    return 0 if report(found) else 1


if __name__ == "__main__":
    sys.exit(main())
