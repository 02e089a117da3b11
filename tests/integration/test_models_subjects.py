"""The lab on a feature set whose subject is neither click nor install, with no verdict at all."""

from dataclasses import replace
from datetime import timedelta

import models_world as world
import pytest

from clickward.models_ml.dataset.snapshot import pull_snapshot
from clickward.models_ml.scoring.choosing import choose_threshold
from clickward.models_ml.scoring.run import score
from clickward.models_ml.training.run import train
from clickward.models_ml.validation import Protocol, Windows, validate
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.errors import UserError

DAY = timedelta(days=1)


@pytest.fixture
def publisher_days(warehouse: Warehouse) -> FeatureSet:
    """The world's rows as sub-publishers' days, on which nobody has given a verdict."""
    installs = world.make_world(warehouse, n=1200, days=10)
    relation = warehouse.table("features", "fs_publisher_day")
    warehouse.command(
        f"create table {relation} engine MergeTree order by event_at as"
        " select * except (install_id, attack_type, is_fraud, label_known_at),"
        " install_id as subpublisher_day_id, toUInt8(0) as is_fraud,"
        f" cast(null as Nullable(DateTime64(3, 'UTC'))) as label_known_at from {installs.relation}"
    )
    warehouse.command(
        f"create table {warehouse.table('core', 'subpublisher_days')} engine MergeTree order by"
        " event_at as select install_id as subpublisher_day_id, event_at, publisher, subpublisher"
        f" from {warehouse.table('core', 'installs')}"
    )
    return replace(
        installs, name="fs_publisher_day", relation=relation,
        subject="subpublisher_day", subject_id="subpublisher_day_id",
    )  # fmt: skip


def test_unsupervised_families_need_no_label(
    warehouse: Warehouse, publisher_days: FeatureSet, said: list[str]
) -> None:
    trained = train(warehouse, publisher_days, "k_means", to_at=world.START + 8 * DAY)
    assert trained.row["positives"] == 0
    assert set(trained.thresholds) == {"fpr_0.1pct", "fpr_0.5pct"}
    run = score(warehouse, publisher_days, from_at=world.START + 8 * DAY, threshold="fpr_0.5pct")
    scored = warehouse.query(
        "select toString(subject) as subject, is_flagged, reason_features"
        f" from {warehouse.table('ml', 'scores')}"
    )
    assert scored.height == run.rows > 200
    assert scored["subject"].unique().to_list() == ["subpublisher_day"]
    assert scored["reason_features"].list.len().max() == 3
    assert 0 < run.flagged < run.rows / 5
    said.clear()
    with pytest.raises(UserError, match="no threshold saves money"):
        choose_threshold(warehouse, trained.model_version, "money")
    assert said == ["the same costs for every subpublisher_day (payouts are of installs)"]
    with pytest.raises(UserError, match="needs both classes, found 0 positives"):
        train(warehouse, publisher_days, "xgboost")


def test_validation_measures_what_it_can(
    warehouse: Warehouse, publisher_days: FeatureSet, said: list[str]
) -> None:
    said.clear()
    found = validate(
        warehouse, publisher_days, "k_means,xgboost", Windows(5 * DAY, DAY, 2 * DAY, 2 * DAY),
        protocol=Protocol(resamples=10)
    )  # fmt: skip
    assert any("xgboost, fold 0: training labels of one class only" in line for line in said)
    values = {
        (m.segment, m.metric): m.value
        for e in found
        if e.model == "k_means" and e.fold == 0
        for m in e.measurements
    }
    assert values["matured", "roc_auc"] is None
    assert values["matured", "fpr_reached_fpr_0.5pct"] is not None
    assert values["matured", "positives"] == 0
    assert ("known", "precision_at_10_publishers") in values
    assert not [metric for _, metric in values if metric.startswith("net_saved")]


def test_labels_of_another_subject_do_not_reach_it(
    warehouse: Warehouse, publisher_days: FeatureSet
) -> None:
    as_of = world.START + 20 * DAY
    assert pull_snapshot(warehouse, publisher_days, as_of=as_of).manifest["positives"] == 0
