"""A small world for the modelling tests: a feature set, verdicts and truth in one schema.

Installs over `days` days, some of them fraud with short click-to-install times and few known
devices; verdicts come two days late, a tenth of them are taken back.
"""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import Feature, FeatureSet
from clickward.warehouse.sources import tables
from clickward.warehouse.tables import create_database, ensure_tables

START = datetime(2026, 3, 1, 5, 30, tzinfo=UTC)
DAY = timedelta(days=1)
INSTANT = pl.Datetime("ms", "UTC")
SEQUENCE = "subpublisher__last_3_ctit_seconds_7d"
TYPES = {
    "device__ctit_seconds": "Nullable(Float32)",
    "ip__clicks_1h": "Nullable(UInt32)",
    "subnet__installs_1d": "Nullable(UInt64)",
    "publisher__share_1d": "Nullable(Float64)",
    "install__network": "LowCardinality(Nullable(String))",
    "install__os": "LowCardinality(Nullable(String))",
    # Read by families that learn from sequences, left alone by all others.
    SEQUENCE: "Array(Nullable(Float32))",
}


def feature(name: str, data_type: str) -> Feature:
    """A feature of the contract with everything a model ignores left plain."""
    return Feature(name, data_type, name, "feat_test", "install", "1d", "count", "0", (), False)


def feature_set(warehouse: Warehouse, target: str = "is_fraud", **types: str) -> FeatureSet:
    """The contract of the world's feature set."""
    contract = tuple(feature(name, kind) for name, kind in (types or TYPES).items())
    return FeatureSet(
        name="fs_install",
        relation=warehouse.table("features", "fs_install"),
        subject="install",
        subject_id="install_id",
        target=target,
        decision_at="install",
        features=contract,
    )


def changed(original: FeatureSet) -> FeatureSet:
    """The same set with one feature less: another contract."""
    return replace(original, features=original.features[:-1])


def rows(n: int, days: float, seed: int) -> pl.DataFrame:
    """Installs with their features and hidden attack."""
    rng = np.random.default_rng(seed)
    attack = rng.choice(["", "click_injection", "device_farm"], n, p=[0.9, 0.06, 0.04])
    injected, farmed = attack == "click_injection", attack == "device_farm"
    stamps = np.sort(rng.integers(0, int(days * 86_400_000), n))
    ctit = np.where(injected, rng.lognormal(2, 0.7, n), rng.lognormal(5, 1.4, n))
    clicks = rng.poisson(np.where(farmed, 30, 3))
    networks = np.where(
        injected,
        rng.choice(["a", "b"], n),
        rng.choice(["a", "b", "c", "d"], n, p=[0.1, 0.2, 0.3, 0.4]),
    )
    ids = [str(uuid.UUID(int=int(v))) for v in rng.permutation(n * 7)[:n] + (seed << 40)]

    def some(values: np.ndarray, share: float) -> list[object]:
        return [
            None if hide else v
            for v, hide in zip(values.tolist(), rng.random(n) < share, strict=True)
        ]

    return pl.DataFrame(
        {
            "install_id": ids,
            "event_at": [START + timedelta(milliseconds=int(s)) for s in stamps],
            "attack": attack,
            "device__ctit_seconds": some(ctit, 0.1),
            "ip__clicks_1h": some(clicks, 0.05),
            "subnet__installs_1d": some(rng.integers(0, 50, n), 0.0),
            "publisher__share_1d": some(rng.random(n), 0.2),
            "install__network": some(networks, 0.1),
            "install__os": some(rng.choice(["android", "ios"], n), 0.02),
            SEQUENCE: [[1.5, None, 0.25 * i][: i % 4] for i in range(n)],
        },
        schema_overrides={"event_at": INSTANT, SEQUENCE: pl.List(pl.Float32)},
    )


def verdicts_on(installs: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Two sources: one finds most frauds late and takes some back, one errs on honest rows."""
    rng = np.random.default_rng(seed + 1)
    found = []
    for install_id, at, attack in installs.select("install_id", "event_at", "attack").iter_rows():
        if attack and rng.random() < 0.9:
            known = at + timedelta(hours=float(rng.uniform(24, 60)))
            found.append((install_id, at, "detector", 1, attack, known))
            if rng.random() < 0.1:
                found.append((install_id, at, "detector", 0, None, known + timedelta(hours=12)))
        if rng.random() < 0.01:
            found.append((install_id, at, "blocker", 1, None, at))
    return pl.DataFrame(
        found,
        schema={
            "subject_id": pl.String, "subject_at": INSTANT, "verdict_source": pl.String,
            "value": pl.UInt8, "attack_type": pl.String, "known_at": INSTANT,
        },
        orient="row",
    ).with_columns(subject=pl.lit("install"), target=pl.lit("is_fraud"))  # fmt: skip


def make_ml_tables(warehouse: Warehouse) -> None:
    """The `ml` tables, from the YAML that defines them."""
    ensure_tables(warehouse, [t for t in tables(warehouse.project) if t.stage == "ml"])


def make_labels(warehouse: Warehouse, verdicts: pl.DataFrame) -> None:
    """`core.labels` with these verdicts."""
    warehouse.command(create_database(warehouse.target, "core"))
    name = warehouse.table("core", "labels")
    warehouse.command(
        f"create table {name} (subject LowCardinality(String), subject_id UUID,"
        " subject_at DateTime64(3, 'UTC'), target LowCardinality(String),"
        " verdict_source LowCardinality(String), value UInt8,"
        " attack_type LowCardinality(Nullable(String)), known_at DateTime64(3, 'UTC'))"
        " engine MergeTree partition by toDate(subject_at) order by (target, subject_id, known_at)"
    )
    if not verdicts.is_empty():
        warehouse.insert(name, verdicts)


def make_feature_table(warehouse: Warehouse, frame: pl.DataFrame) -> None:
    """The feature set's table: `frame` with ids, times, labels and features."""
    warehouse.command(create_database(warehouse.target, "features"))
    columns = ", ".join(f"`{name}` {kind}" for name, kind in TYPES.items())
    name = warehouse.table("features", "fs_install")
    warehouse.command(
        f"create table {name} (install_id UUID, event_at DateTime64(3, 'UTC'),"
        " is_fraud UInt8, label_known_at Nullable(DateTime64(3, 'UTC')),"
        f" attack_type LowCardinality(Nullable(String)), {columns})"
        " engine MergeTree partition by toDate(event_at) order by (event_at, install_id)"
    )
    warehouse.insert(name, frame)


def make_world(
    warehouse: Warehouse, n: int = 4000, days: float = 14, seed: int = 1, with_truth: bool = True
) -> FeatureSet:
    """Everything; the feature set's labels are the verdicts' as known at last."""
    make_ml_tables(warehouse)
    installs = rows(n, days, seed)
    verdicts = verdicts_on(installs, seed)
    make_labels(warehouse, verdicts)
    latest = verdicts.sort("known_at", "value").group_by("subject_id", "verdict_source").last()
    labels = latest.group_by("subject_id").agg(
        pl.col("value").max().alias("is_fraud"),
        pl.col("known_at").max().alias("label_known_at"),
        pl.col("attack_type").filter(pl.col("value") == 1).drop_nulls().first(),
    )
    frame = (
        installs.drop("attack")
        .join(labels, left_on="install_id", right_on="subject_id", how="left")
        .with_columns(pl.col("is_fraud").fill_null(0).cast(pl.UInt8))
        .sample(fraction=1, shuffle=True, seed=seed)
    )
    make_feature_table(warehouse, frame)
    make_installs(warehouse, installs, seed)
    if with_truth:
        make_truth(warehouse, installs)
    return feature_set(warehouse)


def make_installs(warehouse: Warehouse, installs: pl.DataFrame, seed: int) -> None:
    """`core.installs` and `marts.install_facts` as far as validation reads them: who sent each
    install, and what it pays."""
    rng = np.random.default_rng(seed + 2)
    n = installs.height
    name = warehouse.table("core", "installs")
    warehouse.command(
        f"create table {name} (install_id UUID, event_at DateTime64(3, 'UTC'),"
        " app_id LowCardinality(String), publisher LowCardinality(String),"
        " subpublisher LowCardinality(Nullable(String)), device_hash Nullable(UInt64),"
        " is_organic UInt8) engine MergeTree order by install_id"
    )
    sites = pl.Series("subpublisher", [f"s{v}" for v in rng.integers(0, 6, n)])
    warehouse.insert(
        name,
        installs.select(
            "install_id",
            "event_at",
            app_id=pl.lit("app"),
            publisher=pl.col("install__network").fill_null("organic"),
            subpublisher=sites,
            device_hash=pl.Series(rng.integers(1, 5 * n, n), dtype=pl.UInt64),
            is_organic=pl.col("install__network").is_null().cast(pl.UInt8),
        ),
    )
    make_amounts(warehouse, name, "2.0")


def make_amounts(warehouse: Warehouse, installs: str, payout: str, currency: str = "USD") -> None:
    """`marts.install_facts` with a payout, SQL of it, and no other amounts."""
    warehouse.command(create_database(warehouse.target, "marts"))
    warehouse.command(
        f"create table {warehouse.table('marts', 'install_facts')} engine MergeTree"
        " order by event_at as"
        f" select install_id, event_at, is_organic, {payout}::Nullable(Float64) as payout,"
        " null::Nullable(Float64) as dispute_cost, null::Nullable(Float64) as review_cost,"
        f" []::Array(String) as unconverted, '{currency}' as currency from {installs}"
    )


def make_truth(warehouse: Warehouse, installs: pl.DataFrame) -> None:
    """The hidden truth as a table under the view's name."""
    warehouse.command(create_database(warehouse.target, "marts"))
    name = warehouse.table("marts", "install_truth")
    warehouse.command(
        f"create table {name} (install_id UUID, attack String, actor String)"
        " engine MergeTree order by install_id"
    )
    frauds = installs.filter(pl.col("attack") != "").select("install_id", "attack")
    warehouse.insert(name, frauds.with_columns(actor=pl.lit("actor-1")))
