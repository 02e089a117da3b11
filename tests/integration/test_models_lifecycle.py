"""From training to two models side by side: calibration, thresholds, roles, agreement."""

import json

import models_world as world
import numpy as np
import polars as pl
import pytest
from test_models_scoring import scores_of

from clickward.models_ml.dataset.frames import read_frame
from clickward.models_ml.dataset.snapshot import pull_snapshot
from clickward.models_ml.evaluation.economics import Costs
from clickward.models_ml.evaluation.thresholds import Choice
from clickward.models_ml.scoring.agreement import agreement
from clickward.models_ml.scoring.choosing import choose_threshold
from clickward.models_ml.scoring.run import score
from clickward.models_ml.training.registry import (
    champion_of,
    holder_of,
    list_models,
    list_thresholds,
    load_model,
    promote,
    read_model,
    set_threshold,
)
from clickward.models_ml.training.run import train
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UsageError, UserError

FAST = {"n_estimators": 20}


def test_probabilities_stand_beside_scores_and_repeat_to_the_bit(
    warehouse: Warehouse, said: list[str]
) -> None:
    fs = world.make_world(warehouse, n=1500, days=10)
    said.clear()
    forest = train(warehouse, fs, "isolation_forest", parameters=FAST, calibrate="sigmoid")
    assert said[-1].endswith("holdout positives; labels are used here and nowhere before")
    plain = train(warehouse, fs, "isolation_forest", parameters=FAST)
    assert forest.model_version != plain.model_version
    assert (forest.row["calibration"], plain.row["calibration"]) == ("sigmoid", "none")
    run = score(warehouse, fs, version=forest.model_version)
    found = scores_of(warehouse, run.run_id)
    artifact = load_model(warehouse, read_model(warehouse, forest.model_version))
    frame = read_frame(pull_snapshot(warehouse, fs).path)
    raw = artifact.estimator.predict_score(frame.X)
    probability = artifact.probability(raw)
    assert probability is not None
    assert np.array_equal(found["probability"].to_numpy(), probability)
    assert np.array_equal(np.argsort(raw, kind="stable"), np.argsort(probability, kind="stable"))
    assert probability.mean() == pytest.approx(frame.y.mean(), abs=0.03)
    unmapped = scores_of(warehouse, score(warehouse, fs, version=plain.model_version).run_id)
    assert unmapped["probability"].null_count() == unmapped.height
    assert unmapped["score"].equals(found["score"])
    # Trained anew from nothing: the same map, bit for bit; xgboost's scores are their own.
    for table in ("models", "thresholds", "runs"):
        warehouse.command(f"truncate table {warehouse.table('ml', table)}")
    anew = train(warehouse, fs, "isolation_forest", parameters=FAST, calibrate="sigmoid")
    assert anew.is_new
    assert anew.model_version == forest.model_version
    again = load_model(warehouse, read_model(warehouse, anew.model_version))
    assert again.calibration == artifact.calibration
    boosted = train(warehouse, fs, "xgboost", parameters=FAST)
    own = scores_of(warehouse, score(warehouse, fs, version=boosted.model_version).run_id)
    assert own["probability"].equals(own["score"].alias("probability"))


def test_a_chosen_threshold_is_used_from_then_on_and_changes_no_past_score(
    warehouse: Warehouse, said: list[str]
) -> None:
    fs = world.make_world(warehouse, n=1500, days=10)
    version = train(warehouse, fs, "xgboost", parameters=FAST).model_version
    before = score(warehouse, fs)
    old = scores_of(warehouse, before.run_id)
    said.clear()
    warehouse.command(f"drop table {warehouse.table('marts', 'install_facts')} sync")
    choice = choose_threshold(warehouse, version, "money", costs=Costs(2.0))
    assert said == [
        "the same costs for every install (install_facts is not built: run `clickward build`)"
    ]
    set_threshold(warehouse, version, choice, "the month's payouts")
    after = scores_of(warehouse, score(warehouse, fs).run_id)
    assert after["threshold_name"].unique().to_list() == ["money"]
    assert after["is_flagged"].to_list() == [int(s >= choice.threshold) for s in after["score"]]
    assert scores_of(warehouse, before.run_id).equals(old)
    assert list_models(warehouse)["threshold_name"].to_list() == ["money"]
    # By hand, then only recorded: the operating one stays.
    set_threshold(warehouse, version, Choice("launch", 0.75), "few reviewers")
    set_threshold(warehouse, version, Choice("money", 0.5), "what if", is_operating=False)
    registered = read_model(warehouse, version)
    assert (registered.operating, registered.thresholds["launch"]) == ("launch", 0.75)
    assert registered.thresholds["money"] == 0.5
    listed = list_thresholds(warehouse, version)
    assert listed.filter("is_operating").select("name", "reason").rows() == [
        ("launch", "few reviewers")
    ]
    money = listed.filter(pl.col("name") == "money")
    assert money["is_current"].to_list() == [True, False]
    assert money["threshold"].to_list() == [0.5, choice.threshold]
    basis = json.loads(money["basis"][1])
    assert basis["net_saved"] > 0
    assert money["set_by"].to_list() != ["", ""]
    named = scores_of(warehouse, score(warehouse, fs, threshold="balanced").run_id)
    assert named["threshold"].unique().to_list() == old["threshold"].unique().to_list()
    with pytest.raises(UsageError, match="is called 'luck'"):
        score(warehouse, fs, threshold="luck")
    with pytest.raises(UserError, match="no model version"):
        set_threshold(warehouse, "nobody", Choice("launch", 0.75), "why not")


def test_amounts_of_the_mart_move_the_threshold(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=3000, days=10)
    version = train(warehouse, fs, "xgboost", parameters=FAST).model_version
    plain = choose_threshold(warehouse, version, "money", costs=Costs(2.0, 0.1, 0.1))
    facts = warehouse.table("marts", "install_facts")
    warehouse.command(
        f"alter table {facts} update dispute_cost = 8 where true settings mutations_sync = 2"
    )
    dear = choose_threshold(warehouse, version, "money", costs=Costs(2.0, 0.1, 0.1))
    assert dear.threshold > plain.threshold
    assert dear.basis["flagged"] < plain.basis["flagged"]


def test_a_threshold_by_money_leaves_out_what_no_rate_converts(
    warehouse: Warehouse, said: list[str]
) -> None:
    fs = world.make_world(warehouse, n=3000, days=10)
    version = train(warehouse, fs, "xgboost", parameters=FAST).model_version
    costs = Costs(2.0, 0.1, 0.1)
    said.clear()
    every = choose_threshold(warehouse, version, "money", costs=costs)
    assert (every.basis["currency"], every.basis["unconverted"], said) == ("USD", 0, [])
    facts = warehouse.table("marts", "install_facts")
    change = f"alter table {facts} update payout = null, unconverted = ['payout'] where {{}}"
    some = "cityHash64(install_id) % 2 = 0 and not is_organic"
    warehouse.command(change.format(some) + " settings mutations_sync = 2")
    half = choose_threshold(warehouse, version, "money", costs=costs)
    frame = read_frame(pull_snapshot(warehouse, fs).path)
    last = set(frame.ids[-half.basis["holdout_rows"] :])
    left_out = warehouse.query(f"select toString(install_id) as id from {facts} where {some}")
    assert half.basis["unconverted"] == len(last & set(left_out["id"])) > 0
    assert half.basis["net_saved"] < every.basis["net_saved"]
    assert "have amounts that no rate converts into USD" in said[-1]
    warehouse.command(change.format("not is_organic") + " settings mutations_sync = 2")
    with pytest.raises(UserError, match="what the holdout pays into USD"):
        choose_threshold(warehouse, version, "money", costs=costs)


def test_a_challenger_scores_beside_and_flags_nobody(warehouse: Warehouse, said: list[str]) -> None:
    fs = world.make_world(warehouse, n=1000, days=8)
    first = train(warehouse, fs, "xgboost", parameters=FAST).model_version
    second = train(warehouse, fs, "logistic_regression").model_version
    with pytest.raises(UserError, match="fs_install has no champion"):
        agreement(warehouse, "fs_install")
    promote(warehouse, first, "the first")
    assert score(warehouse, fs).challenger is None
    promote(warehouse, second, "simpler", "challenger")
    with pytest.raises(UserError, match="have scored no subject both"):
        agreement(warehouse, "fs_install")
    said.clear()
    run = score(warehouse, fs)
    assert said[-1] == f"beside it {second} (the challenger)"
    assert run.model_version == first
    assert run.challenger is not None
    kinds = warehouse.query(
        f"select kind, model_version from {warehouse.table('ml', 'runs')}"
        " where kind in ('score', 'shadow') order by committed_at"
    )
    assert kinds.rows() == [("score", first), ("score", first), ("shadow", second)]
    found = agreement(warehouse, "fs_install", top=3)
    one, other = (scores_of(warehouse, r.run_id) for r in (run, run.challenger))
    a, b = one["is_flagged"] == 1, other["is_flagged"] == 1
    counts = (found.both, found.champion_only, found.challenger_only, found.none)
    assert counts == ((a & b).sum(), (a & ~b).sum(), (~a & b).sum(), (~a & ~b).sum())
    assert sum(counts) == found.subjects == 1000
    assert found.rank_correlation == pytest.approx(
        np.corrcoef(one["score"].rank(), other["score"].rank())[0, 1]
    )
    assert found.top.height == 3
    # Scores of the challenger survive the next start, and what a killed run left does not.
    table = warehouse.table("ml", "scores")
    score(warehouse, fs, version=first)
    assert warehouse.scalar(f"select count() from {table}") == 4000
    # A challenger of another contract stays out; the champion goes on.
    warehouse.command(
        f"alter table {warehouse.table('ml', 'models')} update contract_hash = 'old'"
        f" where model_version = '{second}' settings mutations_sync = 2"
    )
    assert score(warehouse, fs).challenger is None
    assert said[-1].startswith(f"the challenger is left out: {second} expects contract old")


def test_roles_follow_the_latest_decision(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=600, days=8)
    one, two = (
        train(warehouse, fs, "xgboost", parameters=FAST, seed=seed).model_version for seed in (0, 1)
    )
    promote(warehouse, one, "first")
    promote(warehouse, two, "try it", "challenger")
    roles = dict(list_models(warehouse).select("model_version", "role").iter_rows())
    assert roles == {one: "champion", two: "challenger"}
    promote(warehouse, two, "it is better")
    assert (
        champion_of(warehouse, "fs_install"),
        holder_of(warehouse, "fs_install", "challenger"),
    ) == (
        two,
        None,
    )
    promote(warehouse, two, "it was not", "retired")
    assert champion_of(warehouse, "fs_install") == one
    with pytest.raises(UsageError, match="no role 'king'"):
        promote(warehouse, one, "why", "king")
    # Promotions written before there were roles are champions'.
    warehouse.command(
        f"alter table {warehouse.table('ml', 'promotions')} update role = ''"
        " where role = 'champion'"
        " settings mutations_sync = 2"
    )
    assert champion_of(warehouse, "fs_install") == one


def test_another_contract_is_refused_with_both_named(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=600, days=8)
    version = train(warehouse, fs, "xgboost", parameters=FAST).model_version
    other = world.changed(fs)
    with pytest.raises(UserError) as caught:
        score(warehouse, other)
    message = caught.value.message
    assert version in message
    assert f"expects contract {fs.contract_hash}" in message
    assert f"now has {other.contract_hash}: gone {world.SEQUENCE}" in message
    assert "train again" in (caught.value.hint or "")
