"""Made with clickward 0.2.0: every family fitted on a few rows, saved, with its scores."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import polars as pl
from clickward.models_ml.artifacts import save_artifact

from clickward.models_ml.estimators import FAMILIES
from clickward.models_ml.training import build_estimator

N, SCORED = 60, 20
SMALL = {
    "random_forest": {"n_estimators": 2, "max_depth": 3, "max_features": 0.5},
    "adaboost": {"n_estimators": 4},
    "decision_tree": {"max_depth": 3, "min_samples_leaf": 4},
    "xgboost": {"n_estimators": 5, "max_depth": 3},
    "isolation_forest": {"n_estimators": 2},
    "k_means": {"n_clusters": 3},
    "rbf_svm": {"n_components": 8},
    "neural_net": {"width": 4, "max_epochs": 3},
    "recurrent_net": {"steps": 2, "hidden": 2},
}
RULES = """rule,app,feature,comparison,threshold,points,sign_of
many_clicks,,clicks,>,3,1,click_flooding
some_clicks,,clicks,>,2,0.1,click_flooding
short,,ctit,<,60,2,click_injection
"""


def main(folder: Path) -> None:
    rng = np.random.default_rng(0)
    y = (np.arange(N) % 3 == 0).astype(np.uint8)
    X = pl.DataFrame(
        {
            "clicks": (rng.poisson(3, N) + 2 * y).tolist(),
            "ctit": rng.lognormal(5 - y.astype(float), 1).tolist(),
            "network": rng.choice(["good", "fair", "bad"], N).tolist(),
            "device__last_2_click_seconds_7d": [
                rng.exponential(5 if bad else 500, rng.integers(0, 3)).round(3).tolist()
                for bad in y
            ],
        },
        schema_overrides={"device__last_2_click_seconds_7d": pl.List(pl.Float32)},
    ).with_columns(
        pl.when(pl.Series(rng.random(N) >= 0.1)).then(pl.col(name)).alias(name)
        for name in ("ctit", "network")
    )
    X.head(SCORED).write_ndjson(folder / "rows.jsonl")
    table = folder / "rules.csv"
    table.write_text(RULES)
    facts = {}
    for name in FAMILIES:
        model = build_estimator(name, SMALL.get(name, {}), 0)
        if name == "rules":
            model = build_estimator(name, {"table": str(table)}, 0)
        given = X if model.reads_sequences else X.drop(pl.col(pl.List(pl.Float32)))
        model.fit(given, y) if model.is_supervised else model.fit(given)
        artifact = save_artifact(model, {"model": name}, folder / name)
        shutil.make_archive(str(folder / name), "zip", folder / name)
        shutil.rmtree(folder / name)
        scores = [value.hex() for value in model.predict_score(given.head(SCORED)).tolist()]
        facts[name] = {"hash": artifact, "scores": scores}
    table.unlink()
    (folder / "scores.json").write_text(json.dumps(facts, indent=0) + "\n")


main(Path(sys.argv[1]))
