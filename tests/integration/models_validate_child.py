"""A validation in a process of its own, so that a test may kill it: STORE PROFILES VERB."""

import json
import os
import sys
from pathlib import Path

import models_world as world

from clickward.models_ml.validation import Protocol, Windows, run, validate
from clickward.warehouse.connection import Warehouse, connection
from clickward.warehouse.profile import Project, find_project

MODELS = "naive_bayes,decision_tree"
WINDOWS = Windows(5 * world.DAY, 1 * world.DAY, 2 * world.DAY, 2 * world.DAY)
PROTOCOL = Protocol(resamples=10)


def main(store: str, profiles: str, verb: str) -> None:
    """begin: the world, and a run. go_on: what is there, the same run, and it once more anew.

    One line for each model fitted; what is there as one line of JSON.
    """
    os.environ |= {"CLICKWARD_STORE": store, "CLICKWARD_SCHEMA": "killed"}
    project = Project(find_project().project_dir, Path(profiles), "local")
    fit = run.fit_fold

    def told(history, estimator, data, earlier):
        outcome = fit(history, estimator, data, earlier)
        print(f"{estimator.name} {data.fold.number}", flush=True)
        return outcome

    run.fit_fold = told
    with connection(project) as warehouse:
        if verb == "begin":
            fs = world.make_world(warehouse, n=1200, days=12)
            validate(warehouse, fs, MODELS, WINDOWS, protocol=PROTOCOL)
            return
        fs = world.feature_set(warehouse)
        for restart in (False, True):
            print(json.dumps(content(warehouse)))
            validate(warehouse, fs, MODELS, WINDOWS, protocol=PROTOCOL, restart=restart)
        print(json.dumps(content(warehouse)))


def content(warehouse: Warehouse) -> dict[str, object]:
    """Committed runs with their figures, and how many rows belong to no committed run."""
    table, runs = (warehouse.table("ml", name) for name in ("evaluations", "runs"))
    committed = f"(select run_id from {runs} where kind = 'validate')"
    found = warehouse.query(
        "select run_id, toString(tuple(model, variant, fold, segment, metric, value, low, high, n))"
        f" as figure from {table} where run_id in {committed} order by run_id, figure"
    )
    stray = warehouse.scalar(f"select count() from {table} where run_id not in {committed}")
    figures = {str(key[0]): part["figure"].to_list() for key, part in found.group_by("run_id")}
    return {"runs": figures, "stray": stray}


if __name__ == "__main__":
    main(*sys.argv[1:])
