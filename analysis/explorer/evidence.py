"""Rows as an analyst reads them: what it was, what models said and why, what happened around."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import polars as pl

from clickward.analysis.explorer.events import INSTANTS, events_around, moment
from clickward.analysis.explorer.scope import Scope
from clickward.models_ml.estimators.reasons import in_words
from clickward.warehouse.contracts import Feature, list_features

COLUMNS = (
    "toString(install_id) as id, event_at, toString(app_id) as app, publisher, subpublisher,"
    " country, os, carrier, ctit_seconds, payout_stated, payout_currency, payout, model_versions,"
    " scores, has_verdict, event_date"
)
STATES = ("fraud", "honest", "unknown")


def describe(
    scope: Scope, found: pl.DataFrame, says: Sequence[str] | None = None
) -> dict[str, dict[str, Any]]:
    """Rows by id, as the payload tells them, of installs `id` and `event_at` of `found`.

    `says` names for each row the model version whose reasons are told; the first model's where it
    is left out. Events are those of `events_around`.
    """
    if found.is_empty():
        return {}
    versions = list(says) if says is not None else [scope.models[0].version] * found.height
    speaks = dict(zip(found["id"].to_list(), versions, strict=True))
    keys = {
        "ids": [UUID(one) for one in found["id"]],
        "times": found["event_at"].dt.epoch("ms").to_list(),
    }
    rows = scope.warehouse.query(
        f"select {COLUMNS}, {scope.state} as state from {scope.relation} where {scope.inside}"
        f" and event_at in ({INSTANTS}) and install_id in {{ids:Array(UUID)}}"
        " order by event_at, id",
        **keys,
    )
    attacks = _attacks(scope, keys["ids"])
    reasons = _reasons(scope, keys)
    events = events_around(scope.warehouse, rows["id"].to_list(), rows["event_at"].to_list())
    told = {}
    for row in rows.iter_rows(named=True):
        score = dict(zip(row["model_versions"], row["scores"], strict=True))
        told[row["id"]] = {
            "id": row["id"], "at": moment(row["event_at"]), "app": row["app"],
            "publisher": row["publisher"], "subpublisher": row["subpublisher"],
            "country": row["country"], "os": row["os"], "carrier": row["carrier"],
            "ctit_seconds": row["ctit_seconds"], "payout": row["payout"],
            "payout_stated": row["payout_stated"], "payout_currency": row["payout_currency"],
            "score": {one.version: score.get(one.version) for one in scope.models},
            "flagged": {one.version: flag(score.get(one.version), one.threshold)
                        for one in scope.models},
            "state": STATES[row["state"]],
            "truth": None if not scope.has_truth else
                     ("fraud" if row["id"] in attacks else "honest"),
            "attack": attacks.get(row["id"]),
            "reasons": reasons.get((row["id"], speaks[row["id"]]), []),
            "events": events.get(row["id"], []),
        }  # fmt: skip
    return told


def flag(score: float | None, threshold: float | None) -> int | None:
    """1 at or above the threshold; None where there is no score or no threshold."""
    return None if score is None or threshold is None else int(score >= threshold)


def _attacks(scope: Scope, ids: list[UUID]) -> dict[str, str]:
    if not scope.has_truth:
        return {}
    name = scope.warehouse.table("marts", "install_truth")
    found = scope.warehouse.query(
        f"select toString(install_id) as id, toString(attack) as attack from {name}"
        " where install_id in {ids:Array(UUID)}",
        ids=ids,
    )
    return dict(found.iter_rows())


def _reasons(scope: Scope, keys: dict[str, Any]) -> dict[tuple[str, str], list[str]]:
    """Reasons in words by install and model version, from the latest committed run."""
    ml = {name: scope.warehouse.table("ml", name) for name in ("scores", "runs")}
    said = scope.warehouse.query(
        f"""
        select
            toString(subject_id) as id, toString(model_version) as version,
            argMin(
                tuple(reason_features, reason_values),
                (-toUnixTimestamp64Milli(runs.committed_at), scores.run_id)
            ) as told
        from {ml["scores"]} as scores
        inner join {ml["runs"]} as runs
            on runs.run_id = scores.run_id and runs.kind in ('score', 'shadow')
        where target = 'is_fraud' and scores.feature_set = {{feature_set:String}}
            and subject_at in ({INSTANTS}) and subject_id in {{ids:Array(UUID)}}
        group by id, version
        """,
        feature_set=scope.feature_set,
        **keys,
    )
    features = {one.name: one for one in list_features(scope.warehouse.project)}
    return {
        (row["id"], row["version"]): [
            words(features, name, value) for name, value in zip(*row["told"].values(), strict=True)
        ]
        for row in said.iter_rows(named=True)
    }


def words(features: dict[str, Feature], name: str, value: str) -> str:
    """A reason in words; name and value where the feature is no longer computed."""
    feature = features.get(name)
    return f"{name}: {value}" if feature is None else in_words(feature, value)
