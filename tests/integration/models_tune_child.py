"""A tuning run in a process of its own, so that a test may kill it: STORE PROFILES VERB."""

import json
import os
import sys
from datetime import timedelta
from pathlib import Path

import models_world as world

from clickward.models_ml.tuning.run import tune
from clickward.models_ml.tuning.studies import read_study, study_names
from clickward.models_ml.validation import Windows
from clickward.warehouse.connection import connection
from clickward.warehouse.profile import Project, find_project

TRIALS = 5
DAY = timedelta(days=1)


def main(store: str, profiles: str, verb: str) -> None:
    """make: the world. tune: a study, one line a trial. show: its finished trials."""
    os.environ |= {"CLICKWARD_STORE": store, "CLICKWARD_SCHEMA": "tuned"}
    project = Project(find_project().project_dir, Path(profiles), "local")
    if verb == "show":
        [name] = study_names(project.home)
        trials = read_study(project.home, name).finished()
        print(json.dumps([(t.number, t.state, t.folds, t.parameters) for t in trials]))
        return
    with connection(project) as warehouse:
        if verb == "make":
            world.make_world(warehouse, n=600, days=10, with_truth=False)
            return
        tune(
            warehouse,
            world.feature_set(warehouse),
            "logistic_regression",
            TRIALS,
            windows=Windows(4 * DAY, DAY, DAY),
            finished=lambda trial, best: print("trial", flush=True),
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
