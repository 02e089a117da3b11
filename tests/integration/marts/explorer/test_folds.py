"""What the explorer tells of a real validation: the figures that `ml.evaluations` holds."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from reckoning import Reckoning, rows_of

from clickward.analysis.explorer.folds import read_attacks, read_folds
from clickward.analysis.explorer.scope import find_scope
from clickward.models_ml.validation import Protocol, Windows, validate
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import read_feature_set
from tests.oracles.explorer import attack_starts, fold_figures, unseen_recalls
from tests.oracles.facts import Row

DAY = timedelta(days=1)
WINDOWS = Windows(8 * DAY, 2 * DAY, 3 * DAY, 3 * DAY)
PROTOCOL = Protocol(resamples=5, leave_one_attack_out=True)


def plant_other_runs(warehouse: Warehouse, run_id: str) -> None:
    """Figures the explorer must not tell: of an older run, of another set, of no committed run."""
    ml = {name: warehouse.table("ml", name) for name in ("evaluations", "runs")}
    for other, feature_set in (("00-older", "fs_install"), ("zz-later", "fs_click"),
                               ("zz-killed", "fs_install")):  # fmt: skip
        warehouse.command(
            f"insert into {ml['evaluations']} select * replace ('{other}' as run_id,"
            f" '{feature_set}' as feature_set, value / 2 as value) from {ml['evaluations']} as own"
            f" where own.run_id = '{run_id}'"
        )
        if other != "zz-killed":
            shift = "-" if other == "00-older" else "+"
            warehouse.command(
                f"insert into {ml['runs']} select * replace ('{other}' as run_id,"
                f" '{feature_set}' as feature_set, committed_at {shift} interval 1 hour"
                f" as committed_at) from {ml['runs']} as own where own.run_id = '{run_id}'"
            )


def sorted_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: [str(row[key]) for key in sorted(row)])


@pytest.fixture
def validated(known: Reckoning, copied: Warehouse) -> Warehouse:
    """A copy of the world with a validation of its feature set, attacks held out."""
    whole = read_feature_set(copied.project, "fs_install")
    numbers = [one for one in whole.features if "Float" in one.data_type][:6]
    # Of no dbt model: that they do not look into the future is another test's.
    features = tuple(replace(one, model="planted") for one in numbers)
    feature_set = replace(whole, features=features)
    validate(copied, feature_set, "naive_bayes", WINDOWS, protocol=PROTOCOL)
    return copied


def test_folds_unseen_and_attacks_are_those_of_the_store(
    validated: Warehouse, known: Reckoning, rows: list[Row]
) -> None:
    [own] = {row["run_id"] for row in rows_of(validated, "ml", "evaluations")}
    plant_other_runs(validated, own)
    evaluations = rows_of(validated, "ml", "evaluations")
    assert len({row["run_id"] for row in evaluations}) == 4
    scope = find_scope(validated)
    folds, unseen = read_folds(scope)

    expected = fold_figures(evaluations, own)
    assert sorted_rows(folds) == sorted_rows(expected)
    assert {row["fold"] for row in folds} >= {-1, 0, 1}
    assert {"naive_bayes", "prior", "rules"} <= {row["model"] for row in folds}
    assert any(row["value"] is not None and row["low"] is not None for row in folds)

    recalls = unseen_recalls(evaluations, own)
    assert sorted_rows(unseen) == sorted_rows(recalls)
    held_out = {row["attack"] for row in unseen if row["variant"].startswith("held_out:")}
    assert len(held_out) >= 2, "each attack held out is told"
    assert all(row["n"] > 0 for row in unseen)

    assert read_attacks(scope) == attack_starts(known.installs, known.truth)


def test_a_store_without_a_validation_tells_none(built: Warehouse) -> None:
    assert pl.DataFrame(rows_of(built, "ml", "evaluations")).is_empty()
    assert read_folds(find_scope(built)) == ([], [])
