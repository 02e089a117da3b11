"""The story of a click or an install, as one dictionary that reads the same as JSON."""

import uuid
from typing import Any

from clickward.analysis.explain.decision import decisions_on
from clickward.analysis.explain.origin import SUBJECTS, raw_rows
from clickward.analysis.explain.windows import rows_inside, window_of
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import Feature, list_features, read_manifest
from clickward.warehouse.durations import as_utc
from clickward.warehouse.errors import UserError

WHERE_IDS_ARE = (
    'ids are in the marts: clickward sql "select install_id, score from'
    ' clickward_marts.fct_scored_installs order by score desc limit 5"'
)


def explain(warehouse: Warehouse, subject_id: str) -> dict[str, Any]:
    """What came in, how it was cleaned, its scores with their reasons, and what was decided.

    Keys: subject, subject_id, came_in, cleaned, cleaning, verdicts, around, scores, evidence,
    decision. `evidence` has the latest rows inside the windows of the reasons, each once.
    Raises `UserError` where no click or install has the id.
    """
    try:
        wanted = str(uuid.UUID(subject_id))
    except ValueError as error:
        raise UserError(
            f"{subject_id!r} is not an id of a click or an install", WHERE_IDS_ARE
        ) from error
    manifest = read_manifest(warehouse.project)
    subject, cleaned = _find(warehouse, wanted)
    kinds = [subject] if subject else list(SUBJECTS)
    came_in = [row for kind in kinds for row in raw_rows(warehouse, manifest, kind, wanted)]
    if subject is None and not came_in:
        raise UserError(f"no click or install has the id {wanted}", WHERE_IDS_ARE)
    story: dict[str, Any] = {
        "subject": subject or "refused row",
        "subject_id": wanted,
        "came_in": came_in,
        "cleaned": cleaned,
        "cleaning": _cleaning(came_in, cleaned),
    }
    if subject is None or cleaned is None:
        return story | {
            "verdicts": [], "around": [], "scores": [], "evidence": [],
            "decision": {"says": "it was refused"},
        }  # fmt: skip
    features = {feature.name: feature for feature in list_features(warehouse.project)}
    scores = _scores(warehouse, wanted)
    for score in scores:
        score["reasons"] = [
            _reason(warehouse, manifest, features, cleaned, *reason) for reason in score["reasons"]
        ]
    return story | {
        "verdicts": _verdicts(warehouse, wanted),
        "around": _around(warehouse, manifest, features, cleaned) if subject == "click" else [],
        "scores": scores,
        "evidence": evidence_of(scores),
        "decision": decisions_on(warehouse, subject, cleaned, scores),
    }


def evidence_of(scores: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows behind the reasons of all scores, each once, the latest first.

    Each has `events`, the model it is of, `row`, and `relations`: the features that counted it.
    """
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for reason in (reason for score in scores for reason in score["reasons"]):
        for row in reason.get("latest_rows", []):
            key = (reason["events"], *row.items())
            one = found.setdefault(key, {"events": reason["events"], "row": row, "relations": []})
            if reason["feature"] not in one["relations"]:
                one["relations"].append(reason["feature"])
    return sorted(found.values(), key=lambda one: one["row"]["event_at"], reverse=True)


def _find(warehouse: Warehouse, subject_id: str) -> tuple[str | None, dict[str, Any] | None]:
    for subject, table in SUBJECTS.items():
        if not warehouse.has_table("core", table):
            raise UserError("nothing is built yet", "run `clickward build`")
        rows = warehouse.query(
            f"select * replace(toString({subject}_id) as {subject}_id)"
            f" from {warehouse.table('core', table)} as t where t.{subject}_id = {{id:UUID}}",
            id=subject_id,
        )
        if rows.height:
            return subject, rows.row(0, named=True)
    return None, None


def _cleaning(came_in: list[dict[str, Any]], cleaned: dict[str, Any] | None) -> list[str]:
    """What happened between the raw rows and the one row of core, in sentences."""
    said = [
        f"row {row['row']} of {row['file']} was refused: {row['refused_for']}"
        for row in came_in
        if row["refused_for"]
    ]
    if cleaned is None:
        return said
    kept = [row for row in came_in if not row["refused_for"]]
    if not kept:
        return [*said, "its raw rows have expired"]
    zones = sorted({row["timezone"] for row in kept})
    said.append(f"times read as {', '.join(zones)} and kept as UTC")
    copies = cleaned["duplicate_count"]
    if copies:
        said.append(
            f"{copies + 1} rows are the same {_kind(cleaned)}: one stands, {copies} counted"
        )
    for name, what in (("ip_hash", "address"), ("device_hash", "device id")):
        if cleaned.get(name) is not None:
            said.append(f"its {what} is kept as a keyed hash")
        else:
            said.append(f"it has no usable {what}")
    return said


def _kind(cleaned: dict[str, Any]) -> str:
    return "install" if "install_id" in cleaned else "click"


def _around(
    warehouse: Warehouse,
    manifest: dict[str, Any],
    features: dict[str, Feature],
    click: dict[str, Any],
) -> list[dict[str, Any]]:
    """How many clicks share the click's device, address, site and publisher in the time before it:
    what the features of an install count, at the instant of the click."""
    found = []
    for feature in features.values():
        window = window_of(manifest, feature)
        if window is None or window.events != "clicks" or feature.aggregate != "count":
            continue
        if not feature.model.startswith("feat_install_"):
            continue
        at = as_utc(click["event_at"])
        inside = rows_inside(warehouse, window, click, at, feature.window)
        if inside is not None:
            found.append({"keys": list(window.keys), "window": feature.window, "clicks": inside[0]})
    return found


def _verdicts(warehouse: Warehouse, subject_id: str) -> list[dict[str, Any]]:
    return warehouse.query(
        "select toString(target) as target, toString(verdict_source) as verdict_source, value,"
        " toString(attack_type) as attack_type, toString(reason) as reason, known_at"
        f" from {warehouse.table('core', 'labels')} where subject_id = {{id:UUID}}"
        " order by known_at",
        id=subject_id,
    ).to_dicts()


def _scores(warehouse: Warehouse, subject_id: str) -> list[dict[str, Any]]:
    """Current scores of every model version, the one in force first."""
    if not warehouse.has_table("marts", "scores_current"):
        return []
    rows = warehouse.query(
        f"""
        select
            current.target as target, current.model_version as model_version,
            current.score as score, current.threshold_name as threshold_name,
            current.threshold as threshold, current.is_flagged as is_flagged,
            current.run_id as run_id, current.scored_at as scored_at,
            current.snapshot_id as snapshot_id,
            (current.run_id, current.model_version, current.target) in (
                select run_id, model_version, target
                from {warehouse.table("marts", "scores_in_force")} where subject_id = {{id:UUID}}
            ) as is_in_force,
            current.reason_features as features, current.reason_values as reason_values,
            current.reason_contributions as contributions
        from {warehouse.table("marts", "scores_current")} as current
        where current.subject_id = {{id:UUID}}
        order by is_in_force desc, target, scored_at desc
        """,
        id=subject_id,
    ).to_dicts()
    for row in rows:
        row["is_in_force"] = bool(row["is_in_force"])
        row["reasons"] = list(
            zip(
                row.pop("features"), row.pop("reason_values"), row.pop("contributions"), strict=True
            )
        )
    return rows


def _reason(
    warehouse: Warehouse,
    manifest: dict[str, Any],
    features: dict[str, Feature],
    cleaned: dict[str, Any],
    name: str,
    value: str,
    contribution: float,
) -> dict[str, Any]:
    """A feature that raised the score, what it means, and the rows inside its window."""
    feature = features.get(name)
    reason: dict[str, Any] = {"feature": name, "value": value, "contribution": contribution}
    if feature is None:
        return reason | {"meaning": "this feature is no longer computed", "rows_inside": None}
    reason |= {
        "meaning": feature.description,
        "window": feature.window or None,
        "attacks": list(feature.attacks),
        "rows_inside": None,
    }
    window = window_of(manifest, feature)
    if window is None:
        return reason
    reason |= {"events": window.events, "keys": list(window.keys)}
    inside = rows_inside(warehouse, window, cleaned, as_utc(cleaned["event_at"]), feature.window)
    if inside is None:
        return reason
    count, latest = inside
    return reason | {"rows_inside": count, "latest_rows": latest}
