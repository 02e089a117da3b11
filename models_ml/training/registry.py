"""Trained models, their thresholds and promotions, as the `ml` tables keep them."""

import getpass
import math
from dataclasses import dataclass
from typing import Any

import polars as pl

from clickward.models_ml.dataset.reading import INSTANT
from clickward.models_ml.evaluation.metrics import BALANCED, MAX_FALSE_POSITIVE_RATES
from clickward.models_ml.evaluation.thresholds import Choice
from clickward.models_ml.training.artifacts import Artifact, load_artifact
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.durations import utc_now
from clickward.warehouse.errors import UsageError, UserError
from clickward.warehouse.run_log import Run, delete_rows, is_committed, one_row, to_json

CHAMPION, CHALLENGER, RETIRED = "champion", "challenger", "retired"
ROLES = (CHAMPION, CHALLENGER, RETIRED)
LATEST = "the latest trained; none is promoted"


@dataclass(frozen=True)
class Registered:
    """One row of `ml.models` with its thresholds by name."""

    row: dict[str, Any]
    thresholds: dict[str, float]
    operating: str = BALANCED

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
    for name, value in thresholds.items():
        limit = Choice(name, value, {}, MAX_FALSE_POSITIVE_RATES.get(name))
        write_threshold(warehouse, version, row["target"], limit, "", "set by training", False)
    run.commit(warehouse, rows=row["rows"], model_version=version)


def write_threshold(
    warehouse: Warehouse,
    version: str,
    target: str,
    choice: Choice,
    set_by: str,
    reason: str,
    is_operating: bool,
) -> None:
    """Add a row to `ml.thresholds`: the latest of a name counts, and past scores keep theirs."""
    row = {
        "model_version": version,
        "target": target,
        "threshold_name": choice.name,
        "max_false_positive_rate": choice.max_false_positive_rate,
        "threshold": choice.threshold,
        "is_operating": int(is_operating),
        "set_by": set_by,
        "reason": reason,
        "basis": to_json(choice.basis),
        "set_at": utc_now(),
    }
    types: dict[str, Any] = {
        "set_at": INSTANT, "max_false_positive_rate": pl.Float64, "threshold": pl.Float64,
        "is_operating": pl.UInt8,
    }  # fmt: skip
    warehouse.insert(warehouse.table("ml", "thresholds"), one_row(row, **types))


def set_threshold(
    warehouse: Warehouse, version: str, choice: Choice, reason: str, is_operating: bool = True
) -> None:
    """Set a threshold of a registered model, saying who and why; scoring uses it from now on."""
    if not math.isfinite(choice.threshold):
        raise UsageError(
            f"a threshold of {choice.threshold} flags by no score",
            "give a finite number, such as 0.8",
        )
    row = read_model(warehouse, version).row
    write_threshold(
        warehouse, version, row["target"], choice, getpass.getuser(), reason, is_operating
    )


def list_thresholds(warehouse: Warehouse, version: str | None = None) -> pl.DataFrame:
    """Every threshold ever set, the latest first; `is_current` where no later row replaced it."""
    condition = "where model_version = {version:String}" if version else ""
    found = warehouse.query(
        "select toString(model_version) as model_version, toString(threshold_name) as name,"
        " threshold, max_false_positive_rate, is_operating, set_by, reason, basis, set_at"
        f" from {warehouse.table('ml', 'thresholds')} {condition}"
        " order by set_at desc, model_version, name",
        **({"version": version} if version else {}),
    )
    operated = (pl.col("is_operating") == 1).cast(pl.Int32)
    return found.with_columns(
        is_current=pl.struct("model_version", "name").is_first_distinct(),
        is_operating=(operated == 1) & (operated.cum_sum().over("model_version") == 1),
    )


def is_registered(warehouse: Warehouse, version: str) -> bool:
    """Whether this model version was trained to the end."""
    return is_committed(warehouse, "train", version)


def list_models(warehouse: Warehouse, feature_set: str | None = None) -> pl.DataFrame:
    """Every committed model, the latest first, with its role and its operating threshold."""
    ml = {name: warehouse.table("ml", name) for name in ("models", "runs", "thresholds")}
    condition = "and m.feature_set = {feature_set:String}" if feature_set else ""
    models = warehouse.query(
        "select m.model_version as model_version, toString(m.model) as model,"
        " toString(m.feature_set) as feature_set, toString(m.target) as target,"
        " m.rows as rows, m.positives as positives, m.trained_from as trained_from,"
        " m.trained_to as trained_to, m.trained_at as trained_at,"
        " toString(m.calibration) as calibration, t.name as threshold_name,"
        " t.threshold as threshold"
        f" from {ml['models']} as m"
        " left join (select model_version,"
        f"  argMax(toString(threshold_name), (is_operating, set_at)) as name,"
        "  argMax(threshold, (is_operating, set_at)) as threshold"
        f"  from {ml['thresholds']} where is_operating = 1 or threshold_name = 'balanced'"
        "  group by model_version) as t on t.model_version = m.model_version"
        f" where m.model_version in (select run_id from {ml['runs']} where kind = 'train')"
        f" {condition} order by m.trained_at desc, model_version",
        **({"feature_set": feature_set} if feature_set else {}),
    )
    holders = {
        version: role
        for name in models["feature_set"].unique()
        for role in (CHALLENGER, CHAMPION)
        if (version := holder_of(warehouse, name, role)) is not None
    }
    roles = [holders.get(version, "") for version in models["model_version"]]
    return models.with_columns(
        role=pl.Series(roles, dtype=pl.String),
        is_champion=pl.Series([role == CHAMPION for role in roles], dtype=pl.Boolean),
    )


def champion_of(warehouse: Warehouse, feature_set: str) -> str | None:
    """The model version that scores a feature set, if one was promoted."""
    return holder_of(warehouse, feature_set, CHAMPION)


def holder_of(warehouse: Warehouse, feature_set: str, role: str) -> str | None:
    """Of the versions whose latest promotion is to `role`, the one promoted last."""
    return warehouse.scalar(
        "select model_version from (select model_version, max(promoted_at) as latest,"
        " argMax(if(role = '', 'champion', toString(role)), promoted_at) as held"
        f" from {warehouse.table('ml', 'promotions')}"
        " where feature_set = {name:String} group by model_version)"
        " where held = {role:String} order by latest desc, model_version limit 1",
        name=feature_set,
        role=role,
    )


def role_of(warehouse: Warehouse, feature_set: str, version: str) -> str:
    """The role a version holds: champion, challenger, retired, or none where it is empty.

    A version that was champion before another was promoted holds none.
    """
    if version == champion_of(warehouse, feature_set):
        return CHAMPION
    role = roles_of(warehouse, feature_set).get(version, "")
    return "" if role == CHAMPION else role


def roles_of(warehouse: Warehouse, feature_set: str) -> dict[str, str]:
    """The latest role of each version ever given one; several may have been champion."""
    found = warehouse.query(
        "select toString(model_version) as version,"
        " argMax(if(role = '', 'champion', toString(role)), promoted_at) as held"
        f" from {warehouse.table('ml', 'promotions')}"
        " where feature_set = {name:String} group by version",
        name=feature_set,
    )
    return dict(found.iter_rows())


def promote(warehouse: Warehouse, version: str, reason: str, role: str = CHAMPION) -> str:
    """Give a model version a role in its feature set; the feature set's name.

    The champion scores and flags; the challenger scores beside it and flags nobody; a retired
    version does neither, and the champion before it is back. Roles decide which scores are in
    force (`production_runs`). Raises `UsageError` on another role.
    """
    if role not in ROLES:
        raise UsageError(f"no role {role!r}", f"--as takes {', '.join(ROLES)}")
    row = read_model(warehouse, version).row
    promotion = {
        "feature_set": row["feature_set"],
        "model_version": version,
        "role": role,
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
    thresholds = list_thresholds(warehouse, version)
    current = thresholds.filter("is_current").sort("name")
    operating = thresholds.filter("is_operating")["name"].to_list()
    return Registered(
        row,
        dict(current.select("name", "threshold").iter_rows()),
        operating[0] if operating else BALANCED,
    )


def choose_model(
    warehouse: Warehouse, feature_set: FeatureSet, version: str | None = None
) -> tuple[Registered, str]:
    """The model to score with, and why: asked for, champion, or latest trained.

    The latest trained is none that is challenger or retired: it would take over production.

    Raises `UserError` where there is none, or where its feature contract is another one.
    """
    why = "asked for"
    if version is None:
        version, why = champion_of(warehouse, feature_set.name), "the champion"
    if version is None:
        version, why = _latest_trained(warehouse, feature_set.name), LATEST
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


def _latest_trained(warehouse: Warehouse, feature_set: str) -> str:
    """The latest trained version that is neither challenger nor retired."""
    trained = list_models(warehouse, feature_set)["model_version"].to_list()
    if not trained:
        raise UserError(
            f"no model is trained on {feature_set}",
            f"run `clickward train {feature_set} --model xgboost`",
        )
    roles = roles_of(warehouse, feature_set)
    free = [version for version in trained if roles.get(version) not in (CHALLENGER, RETIRED)]
    if not free:
        raise UserError(
            f"no model of {feature_set} may score in production: each of {len(trained)} is"
            " challenger or retired",
            f'name a champion: `clickward models promote {trained[0]} --reason "…"`; or score in'
            f" the shadow: `clickward score {feature_set} --model-version {trained[0]}`",
        )
    return str(free[0])


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
