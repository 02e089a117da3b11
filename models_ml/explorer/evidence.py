"""Rows as an analyst reads them: what it was, what models said and why, what happened around."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import polars as pl

from clickward.models_ml.durations import as_utc
from clickward.models_ml.explorer.scope import Scope
from clickward.models_ml.reasons import in_words
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import Feature, list_features

MOST_EVENTS = 20
AROUND = timedelta(days=1)
# Events of an install are reported so long.
REPORTED = timedelta(days=30)
COLUMNS = (
    "toString(install_id) as id, event_at, toString(app_id) as app, publisher, subpublisher,"
    " country, os, carrier, ctit_seconds, payout, model_versions, scores, has_verdict, event_date"
)
STATES = ("fraud", "honest", "unknown")
INSTANTS = "select fromUnixTimestamp64Milli(arrayJoin({times:Array(Int64)}), 'UTC')"


def describe(
    scope: Scope, found: pl.DataFrame, says: Sequence[str] | None = None
) -> dict[str, dict[str, Any]]:
    """Rows by id, as the payload tells them, of installs `id` and `event_at` of `found`.

    `says` names for each row the model version whose reasons are told; the first model's where it
    is left out. Events are those of the install itself and of its address and device in the day
    before, the latest `MOST_EVENTS`.
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


def moment(at: datetime) -> str:
    """An instant in UTC as text."""
    return at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


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


def events_around(
    warehouse: Warehouse, ids: list[str], times: list[datetime]
) -> dict[str, list[dict[str, Any]]]:
    """Events by install, in order of time: its click, what its address and device did in the day
    before, and what it reported itself; the latest `MOST_EVENTS`, each `at`, `kind`, `says`."""
    if not ids:
        return {}
    keys = {
        "ids": [UUID(one) for one in ids],
        "times": [round(as_utc(at).timestamp() * 1000) for at in times],
    }
    of = warehouse.query(
        "select toString(install_id) as id, toUnixTimestamp64Milli(event_at) as row_at,"
        " ifNull(ip_hash, 0) as ip, ifNull(device_hash, 0) as device"
        f" from {warehouse.table('core', 'installs')}"
        f" where event_at in ({INSTANTS}) and install_id in {{ids:Array(UUID)}}",
        **keys,
    )
    columns = {name: of[name].to_list() for name in of.columns}
    found = warehouse.query(
        f"""
        with of as (
            select
                toString(one.1) as id, fromUnixTimestamp64Milli(one.2, 'UTC') as row_at,
                one.3 as ip, one.4 as device
            from (
                select arrayJoin(arrayZip(
                    {{of_id:Array(String)}}, {{of_at:Array(Int64)}},
                    {{of_ip:Array(UInt64)}}, {{of_device:Array(UInt64)}}
                )) as one
            )
        )
        select id, at, kind, says from ({_around(warehouse, times)})
        order by id, at desc, kind, says limit {MOST_EVENTS} by id
        """,
        **keys,
        **{f"of_{name.removeprefix('row_')}": values for name, values in columns.items()},
    )
    told: dict[str, list[dict[str, Any]]] = {}
    for row in found.sort(["id", "at", "kind", "says"]).iter_rows(named=True):
        event = {"at": moment(row["at"]), "kind": row["kind"], "says": row["says"]}
        told.setdefault(row["id"], []).append(event)
    return told


def _around(warehouse: Warehouse, times: list[datetime]) -> str:
    """SQL of what happened around the installs of `of`: `id`, `at`, `kind`, `says`."""
    first, last = (min(times) - AROUND).date(), max(times).date()
    parts = []
    for table, kind in (("clicks", "click"), ("installs", "install")):
        for key, what in (("ip", "address"), ("device", "device")):
            parts.append(
                f"select of.id as id, events.event_at as at, '{kind}' as kind,"
                f" concat('of ', events.publisher, ' on ', events.app_id, ', same {what}') as says"
                f" from (select event_at, publisher, app_id, assumeNotNull({key}_hash) as same"
                f" from {warehouse.table('core', table)} where event_date >= '{first}'"
                f" and event_date <= '{last}' and {key}_hash in {{of_{key}:Array(UInt64)}}"
                f" and {key}_hash != 0) as events inner join of on of.{key} = events.same"
                " where events.event_at < of.row_at"
                " and events.event_at >= of.row_at - interval 1 day"
            )
    parts.append(
        "select toString(install_id), assumeNotNull(touched_at), 'click',"
        " 'the click that claims it'"
        f" from {warehouse.table('core', 'installs')} where event_at in ({INSTANTS})"
        " and install_id in {ids:Array(UUID)} and touched_at is not null"
    )
    parts.append(
        "select toString(events.install_id), events.event_at, 'event',"
        " concat('reported ', toString(events.event_name))"
        f" from {warehouse.table('core', 'app_events')} as events where event_date >= '{first}'"
        f" and event_date <= '{last + REPORTED}' and events.install_id in {{ids:Array(UUID)}}"
    )
    return " union all ".join(parts)
