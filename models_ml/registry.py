"""Trained models, their thresholds and promotions, as the `ml` tables keep them."""

import getpass
from dataclasses import dataclass
from typing import Any

import polars as pl

from models_ml.artifacts import Artifact, load_artifact
from models_ml.durations import utc_now
from models_ml.ledger import Run, delete_rows, is_committed, one_row
from models_ml.metrics import MAX_FALSE_POSITIVE_RATES
from models_ml.reading import INSTANT
from warehouse.connection import Warehouse
from warehouse.contracts import FeatureSet
from warehouse.errors import UserError


@dataclass(frozen=True)
class Registered:
    """One row of `ml.models` with its thresholds by name."""

    row: dict[str, Any]
    thresholds: dict[str, float]

    @property
    def model_version(self) -> str:
        return str(self.row["model_version"])


def register_model(
    warehouse: Warehouse, run: Run, row: dict[str, Any], thresholds: dict[str, float]
) -> None:
    """Write a model, its thresholds, and last the ledger row by which it counts."""
    version = row["model_version"]
    for table in ("models", "thresholds"):  # what a killed run left of the same version
        delete_rows(warehouse, table, "model_version", [version])
    now = utc_now()
    instants = dict.fromkeys(("trained_from", "trained_to", "trained_at"), INSTANT)
    warehouse.insert(
        warehouse.table("ml", "models"),
        one_row(row | {"trained_at": now}, rows=pl.UInt64, positives=pl.UInt64, **instants),
    )
    limits = [
        {
            "model_version": version,
            "target": row["target"],
            "threshold_name": name,
            "max_false_positive_rate": MAX_FALSE_POSITIVE_RATES.get(name),
            "threshold": value,
            "set_at": now,
        }
        for name, value in thresholds.items()
    ]
    warehouse.insert(
        warehouse.table("ml", "thresholds"),
        pl.DataFrame(
            limits, schema_overrides={"set_at": INSTANT, "max_false_positive_rate": pl.Float64}
        ),
    )
    run.commit(warehouse, rows=row["rows"], model_version=version)


def is_registered(warehouse: Warehouse, version: str) -> bool:
    """Whether this model version was trained to the end."""
    return is_committed(warehouse, "train", version)


def list_models(warehouse: Warehouse, feature_set: str | None = None) -> pl.DataFrame:
    """Every committed model, the latest first, with `is_champion` and its balanced threshold."""
    ml = {name: warehouse.table("ml", name) for name in ("models", "runs", "thresholds")}
    condition = "and m.feature_set = {feature_set:String}" if feature_set else ""
    models = warehouse.query(
        "select m.model_version as model_version, toString(m.model) as model,"
        " toString(m.feature_set) as feature_set, toString(m.target) as target,"
        " m.rows as rows, m.positives as positives, m.trained_from as trained_from,"
        " m.trained_to as trained_to, m.trained_at as trained_at, t.threshold as threshold"
        f" from {ml['models']} as m"
        f" left join (select model_version, threshold from {ml['thresholds']}"
        "  where threshold_name = 'balanced') as t on t.model_version = m.model_version"
        f" where m.model_version in (select run_id from {ml['runs']} where kind = 'train')"
        f" {condition} order by m.trained_at desc, model_version",
        **({"feature_set": feature_set} if feature_set else {}),
    )
    champions = [
        champion
        for name in models["feature_set"].unique()
        if (champion := champion_of(warehouse, name)) is not None
    ]
    return models.with_columns(
        is_champion=pl.col("model_version").is_in(champions),
    )


def champion_of(warehouse: Warehouse, feature_set: str) -> str | None:
    """The model version promoted last for a feature set, if any was."""
    return warehouse.scalar(
        f"select model_version from {warehouse.table('ml', 'promotions')}"
        " where feature_set = {name:String} order by promoted_at desc, model_version limit 1",
        name=feature_set,
    )


def promote(warehouse: Warehouse, version: str, reason: str) -> str:
    """Make a model version the champion of its feature set; the feature set's name."""
    row = read_model(warehouse, version).row
    promotion = {
        "feature_set": row["feature_set"],
        "model_version": version,
        "promoted_by": getpass.getuser(),
        "reason": reason,
        "promoted_at": utc_now(),
    }
    warehouse.insert(warehouse.table("ml", "promotions"), one_row(promotion, promoted_at=INSTANT))
    return str(row["feature_set"])


def read_model(warehouse: Warehouse, version: str) -> Registered:
    """A committed model version. Raises `UserError` where there is none of this name."""
    if not is_registered(warehouse, version):
        raise UserError(f"no model version {version!r}", "see `clickward models list`")
    row = warehouse.query(
        f"select * from {warehouse.table('ml', 'models')}"
        " where model_version = {version:String} limit 1",
        version=version,
    ).row(0, named=True)
    thresholds = warehouse.query(
        "select toString(threshold_name) as name, threshold"
        f" from {warehouse.table('ml', 'thresholds')} where model_version = {{version:String}}",
        version=version,
    )
    return Registered(row, dict(thresholds.select("name", "threshold").iter_rows()))


def choose_model(
    warehouse: Warehouse, feature_set: FeatureSet, version: str | None = None
) -> tuple[Registered, str]:
    """The model to score with, and why: asked for, champion, or latest trained.

    Raises `UserError` where there is none, or where its feature contract is another one.
    """
    why = "asked for"
    if version is None:
        version, why = champion_of(warehouse, feature_set.name), "the champion"
    if version is None:
        trained = list_models(warehouse, feature_set.name)
        if trained.is_empty():
            raise UserError(
                f"no model is trained on {feature_set.name}",
                f"run `clickward train {feature_set.name} --model xgboost`",
            )
        version, why = str(trained["model_version"][0]), "the latest trained; none is promoted"
    chosen = read_model(warehouse, version)
    if chosen.row["feature_set"] != feature_set.name:
        raise UserError(
            f"{version} reads {chosen.row['feature_set']}, not {feature_set.name}",
            "see `clickward models list`",
        )
    if chosen.row["contract_hash"] != feature_set.contract_hash:
        raise UserError(
            f"{version} expects contract {chosen.row['contract_hash']} of {feature_set.name},"
            f" which now has {feature_set.contract_hash}: {_changes(chosen, feature_set)}",
            f"train again: `clickward train {feature_set.name} --model {chosen.row['model']}`",
        )
    return chosen, why


def load_model(warehouse: Warehouse, registered: Registered) -> Artifact:
    """The artifact of a registered model, its hash checked."""
    folder = warehouse.project.home / registered.row["artifact_path"]
    return load_artifact(folder, registered.row["artifact_hash"])


def _changes(registered: Registered, feature_set: FeatureSet) -> str:
    """What differs, by name; types and decision time where no name does."""
    before = set(registered.row["features"])
    now = {feature.name for feature in feature_set.features}
    parts = [f"new {name}" for name in sorted(now - before)]
    parts += [f"gone {name}" for name in sorted(before - now)]
    return ", ".join(parts[:6]) or "types, order, target or decision time changed"
