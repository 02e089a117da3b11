"""The protocol on the real engine: variants, leaks, resuming, comparing."""

import json
import shutil
import signal
import subprocess
import sys
import uuid
from dataclasses import replace
from pathlib import Path

import models_world as world
import numpy as np
import polars as pl
import pytest

from clickward.models_ml.dataset.frames import read_frame
from clickward.models_ml.dataset.reading import Span
from clickward.models_ml.dataset.snapshot import pull_snapshot
from clickward.models_ml.dataset.splits import PrequentialSplit, to_datetime
from clickward.models_ml.evaluation.comparison import read_comparison
from clickward.models_ml.evaluation.economics import Costs, net_saved, read_payoffs
from clickward.models_ml.evaluation.measurement import evaluate
from clickward.models_ml.training.run import build_estimator
from clickward.models_ml.validation import (
    Evaluation,
    FoldData,
    History,
    Protocol,
    Variant,
    Windows,
    prepare_fold,
    read_history,
    run_fold,
    validate,
)
from clickward.models_ml.validation.leaks import check_leaks, label_leaks
from clickward.models_ml.validation.resume import Finished
from clickward.models_ml.validation.variants import known_bad
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.errors import UsageError, UserError
from clickward.warehouse.profile import find_project
from clickward.warehouse.tables import create_database

CHILD = Path(__file__).with_name("models_validate_child.py")
WINDOWS = Windows(6 * world.DAY, 2 * world.DAY, 2 * world.DAY, 2 * world.DAY)
SPLIT = PrequentialSplit(6 * world.DAY, 2 * world.DAY, 2 * world.DAY, 2 * world.DAY)
MODELS = "logistic_regression,isolation_forest"


def history_of(warehouse: Warehouse, fs: FeatureSet) -> History:
    return read_history(warehouse, fs, read_frame(pull_snapshot(warehouse, fs).path))


def folds_of(history: History, split: PrequentialSplit = SPLIT) -> list[FoldData]:
    found = [prepare_fold(history, fold) for fold in split.folds(history.frame.times)]
    return [data for data in found if data is not None]


def table_of(found: list[Evaluation]) -> pl.DataFrame:
    return pl.DataFrame(
        [row for evaluation in found for row in evaluation.rows()], infer_schema_length=None
    )


def test_every_metric_of_the_protocol_stands_beside_the_baselines(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=2500, days=14.5)
    protocol = Protocol(resamples=20, top=3, costs=Costs(dispute_cost=5.0))
    rows = table_of(validate(warehouse, fs, MODELS, WINDOWS, protocol=protocol))
    assert set(rows["model"]) == {
        "prior", "rules", "logistic_regression", "isolation_forest", "adversarial", "-"
    }  # fmt: skip
    judged = rows.filter(model="logistic_regression", fold=-1, segment="true")
    by_metric = {row["metric"]: row for row in judged.iter_rows(named=True)}
    assert set(by_metric) == {
        "average_precision", "roc_auc", "calibration_error", "positives",
        "precision_at_3_publishers", "precision_at_3_subpublishers",
        *(f"{name}_{threshold}" for threshold in ("fpr_0.1pct", "fpr_0.5pct", "balanced")
          for name in ("recall_at", "fpr_reached", "precision_at", "net_saved_at")),
    }  # fmt: skip
    assert all(row["n"] > 0 for row in by_metric.values())
    for name in ("average_precision", "roc_auc", "recall_at_balanced", "calibration_error"):
        assert by_metric[name]["low"] <= by_metric[name]["value"] <= by_metric[name]["high"]
    # Money by hand, from the flags that the figures beside it tell.
    truth = by_metric["positives"]["value"]
    stopped = truth * by_metric["recall_at_balanced"]["value"]
    wrong = (by_metric["positives"]["n"] - truth) * by_metric["fpr_reached_balanced"]["value"]
    saved = by_metric["net_saved_at_balanced"]["value"]
    # Payout is 2, a dispute 5, a review 0.15; organic installs have neither payout nor dispute.
    assert stopped * (2 - 0.15) - wrong * (7 + 0.15) <= saved < stopped * 2
    # Forests are not probabilities: no calibration error.
    forest = rows.filter(model="isolation_forest")
    assert "calibration_error" not in set(forest["metric"])
    scores = forest.filter(segment="scores")
    assert scores.filter(metric="publisher_kendall_tau")["fold"].to_list() == [1, 2]
    assert scores.filter(metric="psi")["value"].is_between(0, 0.5).all()
    drift = rows.filter(model="-", metric="psi")
    numbers = [name for name, kind in world.TYPES.items() if not kind.startswith("Array")]
    assert set(drift["segment"]) == {f"feature:{name}" for name in numbers}
    adversary = rows.filter(model="adversarial")
    assert adversary["metric"].to_list() == ["roc_auc"] * 3
    assert adversary["value"].is_between(0.4, 0.6).all()
    training = rows.filter(segment="training", metric="positives")
    assert (training["value"] > 0).all()


def test_training_takes_the_labels_asked_for_and_says_which(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=1500, days=14.5)
    known = table_of(
        validate(warehouse, fs, "naive_bayes", WINDOWS, protocol=Protocol(resamples=2))
    )
    protocol = Protocol(resamples=2, train_labels="matured")
    matured = table_of(validate(warehouse, fs, "naive_bayes", WINDOWS, protocol=protocol))
    taken = [
        rows.filter(segment="training", metric="positives").sort("fold")
        for rows in (known, matured)
    ]
    assert [set(rows["train_labels"]) for rows in taken] == [{"known"}, {"matured"}]
    assert (taken[0]["value"] <= taken[1]["value"]).all()
    assert taken[0]["value"].sum() < taken[1]["value"].sum()
    history = history_of(warehouse, fs)
    train = [fold.train_rows(history.frame.times) for fold in SPLIT.folds(history.frame.times)]
    assert taken[1]["value"].to_list() == [history.labels(part, None).sum() for part in train]
    with pytest.raises(UsageError, match="neither known nor matured"):
        Protocol(train_labels="all")


def test_a_held_out_attack_and_its_actors_never_reach_training(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=2500, days=14.5)
    history = history_of(warehouse, fs)
    fold = SPLIT.folds(history.frame.times)[1]
    assert history.truth is not None
    actors = pl.Series(
        [None if attack is None else f"{attack}-{place % 2}"
         for place, attack in enumerate(history.truth["attack_name"])]
    )  # fmt: skip
    # An actor of farms who also injects: all rows go.
    mixed = actors.to_list()
    injected = (history.truth["attack_name"] == "click_injection").fill_null(False).to_numpy()
    first = int(np.flatnonzero(injected)[0])
    mixed[first] = "device_farm-0"
    history = replace(history, truth=history.truth.with_columns(actor_name=pl.Series(mixed)))
    data = prepare_fold(history, fold, Variant(held_out="device_farm"))
    whole = prepare_fold(history, fold)
    assert data is not None
    assert whole is not None
    attacks = history.truth["attack_name"]
    assert "device_farm" in set(attacks[whole.train])
    assert "device_farm" not in set(attacks[data.train])
    assert "device_farm-0" not in {mixed[row] for row in data.train}
    assert data.test.tolist() == whole.test.tolist()
    assert data.labels.unseen is not None
    farmed = (attacks[data.test] == "device_farm").fill_null(False).to_numpy()
    assert np.array_equal(data.labels.unseen, farmed)
    # Without truth the verdicts name the attack.
    blind = replace(history, truth=None)
    part = prepare_fold(blind, fold, Variant(held_out="device_farm"))
    assert part is not None
    assert len(data.train) < len(whole.train)
    assert "device_farm" not in set(blind.named()[part.train])


def test_held_out_attacks_are_evaluated_and_compared(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=2000, days=14.5)
    fs = replace(fs, features=(replace(fs.features[0], encodes_rule=True), *fs.features[1:]))
    protocol = Protocol(resamples=10, leave_one_attack_out=True, without_rule_features=True)
    rows = table_of(validate(warehouse, fs, "decision_tree", WINDOWS, protocol=protocol))
    attacks = ["click_injection", "device_farm"]
    assert set(rows["variant"]) == {
        "as_is", "without_rule_features",
        *(f"held_out:{attack}" for attack in attacks),
        *(f"without_rule_features+held_out:{attack}" for attack in attacks),
    }  # fmt: skip
    held = rows.filter(variant="held_out:device_farm", model="decision_tree", fold=-1)
    assert set(held["segment"]) == {"known", "matured", "true", "unseen:device_farm"}
    own = {r["metric"]: r["value"] for r in held.filter(
        segment="unseen:device_farm").iter_rows(named=True)}  # fmt: skip
    seen = rows.filter(variant="as_is", model="decision_tree", fold=-1, segment="true:device_farm")
    recall = dict(zip(seen["metric"], seen["value"], strict=True))["recall_at_balanced"]
    assert own["recall_at_balanced"] != recall
    assert set(own) > {"days_to_detect_balanced", "days_to_detect_fpr_0.5pct"}
    injected = rows.filter(model="decision_tree", fold=-1, segment="true", metric="roc_auc")
    auc = dict(zip(injected["variant"], injected["value"], strict=True))
    # The click-to-install time gone, injection is hard to tell.
    assert auc["without_rule_features"] < auc["as_is"] - 0.05
    comparison = read_comparison(warehouse, fs)
    table = comparison.table()
    assert comparison.labels == "true"
    [entry] = [e for e in table if (e["model"], e["variant"]) == (
        "decision_tree", "held_out:device_farm")]  # fmt: skip
    assert entry["unseen"]["value"] == own["recall_at_balanced"]
    assert entry["fold"] == -1
    as_is = [e["model"] for e in table if e["variant"] == "as_is"]
    assert as_is[0] == "decision_tree"
    by_fold = comparison.table(folds=True)
    assert {e["fold"] for e in by_fold} == {-1, 0, 1, 2}
    with pytest.raises(UserError, match="no validation of fs_install whose id begins with zz"):
        read_comparison(warehouse, fs, "zz")
    with pytest.raises(UsageError, match="no metric luck"):
        read_comparison(warehouse, fs, metrics=("luck",))


def test_what_is_known_bad_leaves_the_test(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=2000, days=14.5)
    history = history_of(warehouse, fs)
    assert history.entities is not None
    fold = SPLIT.folds(history.frame.times)[2]
    past = history.frame.times < fold.test_from
    known = history.labels(np.arange(len(history.frame)), to_datetime(fold.test_from)) == 1
    # One sub-publisher sends frauds and few others; one device one known fraud.
    sites = np.where(known, "a/bad", history.entities["subpublisher"].fill_null("none"))
    sites[np.flatnonzero(~past)[:50]] = "a/bad"
    devices = [None] * len(sites)
    devices[int(np.flatnonzero(known)[0])] = "d1"
    last = int(np.flatnonzero(fold.test_rows(history.frame.times))[-1])
    devices[int(fold.test_rows(history.frame.times)[-1])] = "d1"
    entities = history.entities.with_columns(
        subpublisher=pl.Series(sites.tolist()), device=pl.Series(devices, dtype=pl.String)
    )
    history = replace(history, entities=entities)
    bad = known_bad(history, fold)
    assert set(sites[bad]) == {"a/bad", str(sites[fold.test_rows(history.frame.times)[-1]])}
    assert bad[sites == "a/bad"].all()
    assert bad[fold.test_rows(history.frame.times)[-1]]
    data = prepare_fold(history, fold, Variant(drop_known_bad=True))
    whole = prepare_fold(history, fold)
    assert data is not None
    assert whole is not None
    assert set(whole.test) - set(data.test) == set(whole.test[bad[whole.test]])
    assert len(data.test) < len(whole.test)
    assert data.train.tolist() == whole.train.tolist()
    assert last >= 0


def test_one_fold_of_one_estimator_for_tuning(warehouse: Warehouse) -> None:
    fs = world.make_world(warehouse, n=1500, days=14.5)
    history = history_of(warehouse, fs)
    fold = SPLIT.folds(history.frame.times)[0]
    scored = run_fold(history, build_estimator("decision_tree", {"max_depth": 3}, 0), fold)
    assert scored is not None
    [found] = [m for m in evaluate(scored, 10, 0) if (m.segment, m.metric) == ("true", "roc_auc")]
    assert found.value is not None
    assert 0.6 < found.value < 1


def test_payoffs_are_those_of_the_mart_in_one_currency(
    warehouse: Warehouse, said: list[str]
) -> None:
    """What nobody states takes the costs; what no rate converts is left out, counted and said."""
    ids = [str(uuid.UUID(int=n)) for n in range(6)]
    span = Span(world.START, world.START + 2 * world.DAY)
    costs = Costs(payout=7.0, dispute_cost=0.5, review_cost=0.25)
    said.clear()
    none = read_payoffs(warehouse, pl.Series(ids), span, costs)
    assert none.payout.tolist() == [7.0] * 6
    assert said[0].startswith("the same costs for every install (install_facts is not built")
    warehouse.command(create_database(warehouse.target, "marts"))
    name = warehouse.table("marts", "install_facts")
    warehouse.command(
        f"create table {name} (install_id UUID, event_at DateTime64(3, 'UTC'), is_organic UInt8,"
        " payout Nullable(Float64), dispute_cost Nullable(Float64),"
        " review_cost Nullable(Float64), unconverted Array(String), currency String)"
        " engine MergeTree order by install_id"
    )
    facts = [
        (0, 0, 1.5, None, 0.1, [], "EUR"),
        (1, 0, None, 0.4, None, ["payout"], "EUR"),
        (2, 0, None, None, None, [], "EUR"),
        (3, 1, None, 0.4, 0.1, [], "EUR"),
        (4, 0, 2.0, None, None, ["dispute_cost", "review_cost"], "EUR"),
    ]
    rows = pl.DataFrame(
        [(ids[n], world.START, *rest) for n, *rest in facts],
        schema={"install_id": pl.String, "event_at": world.INSTANT, "is_organic": pl.UInt8,
                "payout": pl.Float64, "dispute_cost": pl.Float64, "review_cost": pl.Float64,
                "unconverted": pl.List(pl.String), "currency": pl.String},
        orient="row",
    )  # fmt: skip
    warehouse.insert(name, rows)
    found = read_payoffs(warehouse, pl.Series(ids), span, costs)
    np.testing.assert_equal(found.payout, [1.5, np.nan, 7, 0, 2, 7])
    np.testing.assert_equal(found.dispute_cost, [0.5, 0.4, 0.5, 0, np.nan, 0.5])
    np.testing.assert_equal(found.review_cost, [0.1, 0.25, 0.25, 0.1, np.nan, 0.25])
    assert (found.currency, found.unconverted) == ("EUR", 2)
    assert "2 of 6 installs have amounts that no rate converts into EUR" in said[-1]
    fraud = np.array([True, True, False, False, True, False])
    saved = net_saved(found, fraud, np.ones(6))
    assert saved.tolist() == pytest.approx([1.4, 0, -7.75, -0.1, 0, -7.75])
    warehouse.command(
        f"insert into {name} select generateUUIDv4(), event_at, 0, 1, 1, 1, [], 'USD'"
        f" from {name} limit 1"
    )
    with pytest.raises(UserError, match="built in EUR and USD: their money is no one sum"):
        read_payoffs(warehouse, pl.Series(ids), span, costs)


# Leaks: each planted, caught and named; the honest world passes.


def with_feature(history: History, name: str, values: pl.Series) -> History:
    frame = replace(history.frame, X=history.frame.X.with_columns(values.alias(name)))
    return replace(history, frame=frame)


def planted(history: History) -> dict[str, pl.Series]:
    """Features that know what they should not."""
    rng = np.random.default_rng(0)
    y = history.frame.y
    n = len(y)
    half = (y == 1) & (rng.random(n) < 0.5)
    return {
        "is_label": pl.Series(y),
        "label_in_noise": pl.Series(-y + rng.normal(0, 0.1, n)),
        "label_known_at": pl.Series([1.0 if v else None for v in y]),
        "known_for_some_positives": pl.Series(
            [float(v) if h else None for v, h in zip(rng.random(n), half, strict=True)]
        ),
        "verdict_text": pl.Series(["refused" if v else "paid" for v in y]),
    }


def test_planted_leaks_are_caught_and_named_and_an_honest_set_passes(
    warehouse: Warehouse, said: list[str]
) -> None:
    fs = world.make_world(warehouse, n=2000, days=14.5, with_truth=False)
    history = history_of(warehouse, fs)
    folds = folds_of(history)
    said.clear()
    assert check_leaks(warehouse, fs, history, folds) == []
    assert "not checked for looking into the future" in said[0]
    for name, values in planted(history).items():
        [leak] = label_leaks(with_feature(history, name, values), folds)
        assert (leak.kind, leak.feature) == ("label in a feature", name)
        assert leak.folds == "folds 0, 1, 2"
    # Noise as a number and as a category of many values passes.
    rng = np.random.default_rng(1)
    noise = {
        "number": pl.Series(rng.normal(size=len(history.frame))),
        "category": pl.Series([f"c{v}" for v in rng.integers(0, 900, len(history.frame))]),
        "rare": pl.Series([1.0 if v else None for v in rng.random(len(history.frame)) < 0.02]),
    }
    for name, values in noise.items():
        assert label_leaks(with_feature(history, name, values), folds) == []


def test_a_label_known_too_late_is_caught(warehouse: Warehouse, said: list[str]) -> None:
    fs = world.make_world(warehouse, n=2000, days=14.5)
    history = history_of(warehouse, fs)
    early = history.verdicts.with_columns(pl.col("known_at") - pl.duration(days=2))
    hasty = replace(history, verdicts=early, _named={})
    at_once = replace(SPLIT, delay=0 * world.DAY, step=4 * world.DAY)
    folds = folds_of(hasty, at_once)
    with pytest.raises(UserError, match=r"label known too late: is_fraud \(fold 0\)") as caught:
        check_leaks(warehouse, fs, hasty, folds)
    assert "rows are positive by verdicts not known at 2026-03-07" in str(caught.value)
    said.clear()
    assert len(check_leaks(warehouse, fs, hasty, folds, allow=True)) == 2
    assert "do not believe them" in said[-1]


def test_leaks_end_a_run_unless_allowed(warehouse: Warehouse, said: list[str]) -> None:
    world.make_world(warehouse, n=1000, days=12)
    relation = warehouse.table("features", "fs_install")
    warehouse.command(f"alter table {relation} add column install__leak UInt8 default is_fraud")
    fs = world.feature_set(warehouse, **world.TYPES, install__leak="UInt8")
    windows = Windows(5 * world.DAY, world.DAY, 3 * world.DAY, 3 * world.DAY)
    quick = Protocol(resamples=2)
    with pytest.raises(UserError, match="label in a feature: install__leak") as caught:
        validate(warehouse, fs, "decision_tree", windows, protocol=quick)
    assert caught.value.exit_code == 1
    count = f"select count() from {warehouse.table('ml', 'evaluations')}"
    assert warehouse.scalar(count) == 0
    said.clear()
    found = validate(warehouse, fs, "decision_tree", windows, protocol=quick, allow_leaks=True)
    assert any("install__leak" in line for line in said)
    assert warehouse.scalar(count) == len(table_of(found))


# Resuming.


def child(folder: Path, verb: str) -> list[str]:
    """The words that run the child program on the store in `folder`."""
    return [sys.executable, str(CHILD), str(folder / "store"), str(folder / "profiles"), verb]


@pytest.mark.group("kills")
@pytest.mark.full
def test_a_killed_run_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    shutil.copytree(find_project().profiles_dir, tmp_path / "profiles")
    process = subprocess.Popen(child(tmp_path, "begin"), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    fitted = [process.stdout.readline().strip() for _ in range(5)]
    process.send_signal(signal.SIGKILL)
    fitted += process.stdout.read().splitlines()
    assert process.wait() == -signal.SIGKILL
    kept = list((tmp_path / ".clickward" / "validation").rglob("*.npz"))
    # The last one may have been killed between its fit and its file.
    assert len(kept) >= len(fitted) - 1
    done = subprocess.run(child(tmp_path, "go_on"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    first, second, third = (place for place, line in enumerate(lines) if line.startswith("{"))
    # Readers saw nothing of the killed run; what it had finished is not fitted again.
    assert json.loads(lines[first]) == {"runs": {}, "stray": 0}
    after, anew = lines[first + 1 : second], lines[second + 1 : third]
    assert not set(after) & set(fitted[:-1])
    models = ("prior", "rules", "naive_bayes", "decision_tree")
    whole = sorted(f"{model} {fold}" for model in models for fold in range(3))
    assert sorted({*fitted, *after}) == sorted(anew) == whole
    assert not list((tmp_path / ".clickward" / "validation").rglob("*.npz"))
    resumed, uninterrupted = json.loads(lines[third])["runs"].values()
    assert resumed == uninterrupted
    assert len(resumed) > 500


def test_what_is_finished_depends_on_what_is_asked(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs = world.make_world(warehouse, n=1000, days=12)
    windows = Windows(5 * world.DAY, world.DAY, 5 * world.DAY, 5 * world.DAY)
    # Commit forgets the parts; here they stay, as after a kill.
    monkeypatch.setattr(Finished, "forget", lambda self: None)
    kept: list[tuple[int, int, bool]] = []

    def tell(done: int, total: int, is_old: bool, place: str) -> None:
        kept.append((done, total, is_old))

    def reused(seed: int) -> int:
        kept.clear()
        validate(warehouse, fs, "prior", windows,
                 protocol=Protocol(resamples=2, seed=seed), tell=tell)  # fmt: skip
        assert [done for done, _, _ in kept] == list(range(1, kept[0][1] + 1))
        return sum(is_old for _, _, is_old in kept)

    assert reused(seed=0) == 0
    assert reused(seed=0) == len(kept) == 3
    assert reused(seed=1) == 0
    warehouse.command(
        f"insert into {warehouse.table('core', 'labels')} select * replace ('other' as"
        f" verdict_source) from {warehouse.table('core', 'labels')} limit 1"
    )
    assert reused(seed=0) == 0
