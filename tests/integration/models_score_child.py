"""A score run in a process of its own, so that a test may kill it: STORE SCHEMA PROFILES VERB."""

import json
import os
import sys
from pathlib import Path

import models_world as world

from clickward.models_ml.scoring.run import score
from clickward.models_ml.training.run import train
from clickward.warehouse.connection import Warehouse, connection
from clickward.warehouse.profile import Project, find_project

BATCH = 100


def main(store: str, profiles: str, verb: str) -> None:
    """make: the world and a model. score: a run, one line a batch. show: what is there."""
    os.environ |= {"CLICKWARD_STORE": store, "CLICKWARD_SCHEMA": "killed"}
    project = Project(find_project().project_dir, Path(profiles), "local")
    with connection(project) as warehouse:
        if verb == "make":
            fs = world.make_world(warehouse, n=1500, days=8)
            train(warehouse, fs, "xgboost", parameters={"n_estimators": 20})
        elif verb == "score":
            print("started", flush=True)
            score(
                warehouse,
                world.feature_set(warehouse),
                batch_rows=BATCH,
                advance=lambda rows: print("batch", flush=True),
            )
        else:
            print(json.dumps(content(warehouse)))


def content(warehouse: Warehouse) -> dict[str, object]:
    """Committed runs with their scores, and how many rows belong to no committed run."""
    scores, runs = (warehouse.table("ml", name) for name in ("scores", "runs"))
    committed = f"(select run_id from {runs} where kind = 'score')"
    found = warehouse.query(
        "select run_id, toString(subject_id) as id, toString(score) as score,"
        f" arrayStringConcat(reason_values, '|') as reasons from {scores}"
        f" where run_id in {committed} order by run_id, subject_at, id"
    )
    stray = warehouse.scalar(f"select count() from {scores} where run_id not in {committed}")
    by_run = {
        str(key[0]): part.drop("run_id").rows()
        for key, part in found.group_by("run_id", maintain_order=True)
    }
    return {"runs": by_run, "stray": stray}


if __name__ == "__main__":
    main(*sys.argv[1:])
