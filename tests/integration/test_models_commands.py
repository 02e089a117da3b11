"""The commands from end to end, on a project whose contract is written by hand."""

import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import models_world as world
import polars as pl
import pytest
import typer
from typer.testing import CliRunner, Result

from clickward.cli import compare, features, models, score, snapshot, train, tune, validate
from clickward.models_ml.estimators import threads
from clickward.models_ml.validation import KEYS
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UsageError, UserError


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False)
    for module in (compare, features, models, score, snapshot, train, tune, validate):
        module.register(app)
    return app


@pytest.fixture
def contract(warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dbt project folder with a manifest that is newer than its files."""
    folder = tmp_path / "dbt_project"
    (folder / "target").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text(
        f"name: clickward\nprofile: clickward\nversion: {version('clickward')}\n"
    )
    columns = {
        name: {
            "name": name,
            "data_type": kind,
            "description": f"The {name}.",
            "config": {"meta": {"entity": "install", "aggregate": "count", "window": "1d"}},
        }
        for name, kind in world.TYPES.items()
    }
    schema = warehouse.target.database("features")
    meta = {"subject": "install", "target": "is_fraud", "decision_at": "install"}
    nodes = {
        "model.clickward.feat_test": {
            "resource_type": "model", "name": "feat_test", "columns": columns,
        },
        "model.clickward.fs_install": {
            "resource_type": "model", "name": "fs_install", "schema": schema,
            "alias": "fs_install", "config": {"meta": meta}, "columns": {},
            "depends_on": {"nodes": ["model.clickward.feat_test"]},
        },
    }  # fmt: skip
    manifest = folder / "target" / "manifest.json"
    manifest.write_text(json.dumps({"nodes": nodes, "sources": {}, "child_map": {}}))
    later = (folder / "dbt_project.yml").stat().st_mtime + 60
    os.utime(manifest, (later, later))
    monkeypatch.delenv("DBT_TARGET_PATH", raising=False)
    monkeypatch.setenv("DBT_PROJECT_DIR", str(folder))
    monkeypatch.setenv("DBT_PROFILES_DIR", str(warehouse.project.profiles_dir))
    return folder


def run(app: typer.Typer, *words: str) -> Result:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result


def run_json(app: typer.Typer, *words: str):
    """stdout holds one JSON document and nothing else."""
    return json.loads(run(app, *words, "--json").stdout)


def test_from_snapshot_to_scores(
    app: typer.Typer, contract: Path, warehouse: Warehouse, tmp_path: Path
) -> None:
    world.make_world(warehouse, n=1200, days=10)
    out = tmp_path / "some.parquet"
    pulled = run_json(
        app, "snapshot", "fs_install", "--from", "2026-03-02", "--to", "2026-03-05T12:00:00",
        "--as-of", "2026-03-08", "--out", str(out),
    )  # fmt: skip
    assert pl.read_parquet(out).height == pulled["rows"]
    assert pulled["from"] == "2026-03-02 00:00:00"
    trained = run_json(
        app, "train", "fs_install", "--model", "xgboost", "--delay", "2d",
        "--param", "n_estimators=20", "--param", "max_depth=3",
    )  # fmt: skip
    assert json.loads(trained["parameters"])["max_depth"] == 3
    version = trained["model_version"]
    [listed] = run_json(app, "models", "list")
    assert (listed["model_version"], listed["is_champion"]) == (version, False)
    said = run(app, "models", "promote", version, "--reason", "the only one").stderr
    assert said == f"{version} is the champion of fs_install\n"
    scored = run(app, "score", "fs_install", "--show", "2")
    assert "  - The ip__clicks_1h: " in scored.stderr
    assert f"with {version} (the champion)" in scored.stderr
    assert "no dbt model reads ml.scores yet" in scored.stderr
    assert "1,200 subjects scored" in scored.stderr
    run_id = scored.stdout.strip()
    table = warehouse.table("ml", "scores")
    assert warehouse.scalar(f"select count() from {table} where run_id = '{run_id}'") == 1200
    run(app, "score", "fs_install", "--threads", "2")
    found = warehouse.query(f"select uniqExact(score), count() from {table} group by subject_id")
    assert set(found.iter_rows()) == {(1, 2)}
    rows = run_json(
        app, "validate", "fs_install", "--models", "logistic_regression", "--train", "5d",
        "--delay", "1d", "--test", "2d", "--resamples", "20",
    )  # fmt: skip
    assert {tuple(row) for row in rows} == {KEYS}
    for count in ("1", "2"):
        again = run_json(
            app, "validate", "fs_install", "--models", "logistic_regression", "--train", "5d",
            "--delay", "1d", "--test", "2d", "--resamples", "20", "--threads", count,
        )  # fmt: skip
        assert again == rows
    compared = run_json(app, "compare", "fs_install", "--labels", "matured", "--folds")
    [whole] = [
        row["value"] for row in rows
        if (row["model"], row["fold"], row["segment"], row["metric"])
        == ("logistic_regression", -1, "matured", "roc_auc")
    ]  # fmt: skip
    figures = {(m["model"], m["fold"]): m["metrics"] for m in compared["models"]}
    assert figures["logistic_regression", -1]["roc_auc"]["value"] == whole
    assert {fold for _, fold in figures} == {-1, 0, 1}
    table_text = run(
        app, "validate", "fs_install", "--models", "logistic_regression", "--resamples", "2"
    ).stdout
    assert table_text.splitlines()[0].split()[:5] == ["model", "fold", "segment", "n", "positives"]
    lines = run(
        app, "compare", "fs_install", "--run", compared["run_id"][:8], "--markdown",
        "--metric", "roc_auc", "--labels", "matured",
    ).stdout.splitlines()  # fmt: skip
    assert lines[0] == "| model | fold | roc_auc | unseen recall_at_balanced |"
    assert lines[2].startswith(f"| logistic_regression | all | {whole:.3f} [")
    assert {line.split(" | ")[0] for line in lines[2:]} == {
        "| logistic_regression", "| prior", "| rules"
    }  # fmt: skip


def test_threads_reach_the_estimators(
    app: typer.Typer, contract: Path, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.make_world(warehouse, n=600, days=8)
    held: list[int | None] = []
    limited = threads._limited

    def told(limits: dict[str, int]) -> Any:
        held.append(limits.get("openmp"))
        return limited(limits)

    monkeypatch.setattr(threads, "_limited", told)
    for name in threads.CHOSEN:
        monkeypatch.delenv(name, raising=False)
    for words in (
        ["train", "fs_install", "--model", "naive_bayes"],
        ["validate", "fs_install", "--models", "prior", "--resamples", "2"],
        ["tune", "fs_install", "--model", "decision_tree", "--trials", "1"],
        ["score", "fs_install"],
    ):
        # Another seed, since training the same again is a no-op.
        other = [] if words[0] == "score" else ["--seed", "1"]
        for given, wanted in (([], 1), (["--threads", "2", *other], 2)):
            held.clear()
            run(app, *words, *given)
            assert set(held) == {wanted}, words


def test_features_are_listed_in_contract_order(app: typer.Typer, contract: Path) -> None:
    listed = run_json(app, "features", "list", "--feature-set", "fs_install")
    assert [feature["name"] for feature in listed] == list(world.TYPES)
    assert run_json(app, "features", "list") == listed
    assert "ip__clicks_1h" in run(app, "features", "list").stdout
    with pytest.raises(UserError, match="no feature set 'fs_other'"):
        run(app, "features", "list", "--feature-set", "fs_other")


def test_mistakes_are_named(app: typer.Typer, contract: Path) -> None:
    with pytest.raises(UsageError, match="not a duration"):
        run(app, "validate", "fs_install", "--train", "soon")
    with pytest.raises(UsageError, match="not a date"):
        run(app, "score", "fs_install", "--from", "soon")
    with pytest.raises(UsageError, match="not name=value"):
        run(app, "train", "fs_install", "--model", "xgboost", "--param", "max_depth")
    with pytest.raises(UserError, match="is not built"):
        run(app, "snapshot", "fs_install", "--out", "unused.parquet")


@pytest.mark.parametrize(
    "words",
    [
        ["snapshot"], ["train"], ["validate"], ["compare"], ["score"], ["models", "promote"],
        ["features", "list"],
    ],
)  # fmt: skip
def test_help_has_examples(app: typer.Typer, words: list[str]) -> None:
    assert f"clickward {' '.join(words)}" in run(app, *words, "--help").stdout
