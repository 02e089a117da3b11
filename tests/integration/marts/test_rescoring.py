"""Late rows score again only what they changed; superseded scores are history until compacted."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from reckoning import rows_of
from scored_world import SCORE_FROM, World

from clickward.models_ml.scoring.compaction import compact_scores
from clickward.models_ml.scoring.run import ScoreRun, score
from clickward.warehouse.build_states import standing
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import read_feature_set

LATE = "00000000-0000-0000-0000-000000000001"
FROM = datetime.fromisoformat(f"{SCORE_FROM}T00:00:00+00:00")


@pytest.mark.full
def test_a_build_after_scoring_has_nothing_to_do(
    world: World, copied: Warehouse, on_copy: Callable[..., None]
) -> None:
    """A promotion and scores change what marts read; the score builds those marts."""
    on_copy("build")
    on_copy("models", "promote", world.challenger, "--reason", "changes what marts read")
    assert not standing(copied, {}).is_current
    on_copy("score", "fs_install", "--from", SCORE_FROM)
    now = standing(copied, {})
    assert now.is_current, str(now)


def score_changed(warehouse: Warehouse, version: str) -> tuple[ScoreRun, dict[str, Any]]:
    """A run over what changed, and what the ledger says of it."""
    feature_set = read_feature_set(warehouse.project, "fs_install")
    assert feature_set.relation == warehouse.table("features", "fs_install")
    run = score(warehouse, feature_set, FROM, version=version, only_changed=True)
    (audit,) = [row for row in rows_of(warehouse, "ml", "runs") if row["run_id"] == run.run_id]
    assert audit["rows"] == run.rows
    return run, json.loads(audit["parameters"])


def change(warehouse: Warehouse, what: str, condition: str) -> list[str]:
    """Change features of three installs, as a build with late rows would; their ids."""
    table = warehouse.table("features", "fs_install")
    ids = warehouse.query(
        f"select toString(install_id) as id from {table} where {condition}"
        " and event_at >= {from_at:DateTime64(3, 'UTC')} order by id limit 3",
        from_at=FROM,
    )["id"].to_list()
    warehouse.command(
        f"alter table {table} update {what} where has({{ids:Array(String)}}, toString(install_id))"
        " settings mutations_sync = 2",
        ids=ids,
    )
    assert len(ids) == 3
    return ids


def test_only_what_changed_is_scored_again(copied: Warehouse, world: World) -> None:
    run, said = score_changed(copied, world.champion)
    assert (run.rows, said["new"], said["changed"]) == (0, 0, 0)
    assert said["only_changed"]
    before = {
        (row["subject_id"], row["model_version"]): row
        for row in rows_of(copied, "marts", "scores_current")
    }
    clicks = change(copied, "device__clicks_1d = device__clicks_1d + 100", "device__clicks_1d > 0")
    known = change(
        copied, "install__ctit_seconds = 0", "install__ctit_seconds is null and install__is_organic"
    )
    table = copied.table("features", "fs_install")
    copied.command(
        f"insert into {table} select * replace(toUUID('{LATE}') as install_id)"
        f" from (select * from {table} where event_at >= '{SCORE_FROM}' limit 1)"
    )
    run, said = score_changed(copied, world.champion)
    assert (run.rows, said["new"], said["changed"]) == (7, 1, 6)
    rescored = {
        r["subject_id"] for r in rows_of(copied, "ml", "scores", f"run_id = '{run.run_id}'")
    }
    assert rescored == {*clicks, *known, LATE}
    for row in rows_of(copied, "marts", "scores_current"):
        key = (row["subject_id"], row["model_version"])
        if row["subject_id"] in rescored and row["model_version"] == world.champion:
            assert row["run_id"] == run.run_id
        else:
            assert row == before[key]
    run, said = score_changed(copied, world.champion)
    assert (run.rows, said["new"], said["changed"]) == (0, 0, 0)


def test_superseded_scores_are_readable_until_compacted(copied: Warehouse, world: World) -> None:
    changed = set(change(copied, "device__clicks_1d = device__clicks_1d + 100", "true"))
    run, _ = score_changed(copied, world.champion)
    committed = rows_of(copied, "marts", "scores_committed", f"model_version = '{world.champion}'")
    history = [row for row in committed if row["subject_id"] in changed]
    assert len(history) == 6
    current = rows_of(copied, "marts", "scores_current")
    assert compact_scores(copied, timedelta(days=1))[1] == 0
    run_id, removed = compact_scores(copied, timedelta())
    assert removed == 3
    (audit,) = [row for row in rows_of(copied, "ml", "runs") if row["run_id"] == run_id]
    assert (audit["kind"], audit["rows"]) == ("compact", 3)

    def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return sorted(rows, key=lambda row: (row["subject_id"], row["model_version"]))

    assert in_order(rows_of(copied, "marts", "scores_current")) == in_order(current)
    left = rows_of(copied, "ml", "scores", f"model_version = '{world.champion}'")
    assert len(left) == len(committed) - 3
    assert {row["run_id"] for row in left if row["subject_id"] in changed} == {run.run_id}
    assert compact_scores(copied, timedelta())[1] == 0


def test_an_older_store_gains_the_column_of_the_hash(copied: Warehouse, world: World) -> None:
    copied.command(f"alter table {copied.table('ml', 'scores')} drop column features_hash")
    run, said = score_changed(copied, world.champion)
    assert said["changed"] == run.rows > 0, "what was scored before the column is scored once more"
