"""Raw rows behind a figure: searched, told with their story, and exported as evidence."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl

from clickward.analysis.explain.story import explain
from clickward.analysis.explorer.dimensions import condition_of
from clickward.analysis.explorer.events import event_text, events_around
from clickward.analysis.explorer.evidence import describe, flag, moment, words
from clickward.analysis.explorer.scope import Scope, Version, find_scope
from clickward.analysis.spreadsheets import write_csv_rows
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import list_features
from clickward.warehouse.errors import UsageError, UserError

LIMIT = 200
# What makes a row one of a side, and which of its rows come first.
SIDES = {
    "flagged": ("score >= {t}", "score desc"),
    "passed": ("score < {t}", "score desc"),
    "missed": ("state = 0 and score < {t}", "score asc"),
    "false_alarm": ("state = 1 and score >= {t}", "score desc"),
}


def find_rows(
    warehouse: Warehouse,
    where: Mapping[str, Any] | None = None,
    model: str | None = None,
    side: str = "flagged",
    date_from: date | None = None,
    date_to: date | None = None,
    limit: int = LIMIT,
    *,
    feature_set: str = "fs_install",
    threshold: float | None = None,
) -> list[dict[str, Any]]:
    """Rows of one side of `threshold`, the model's operating one if None, the strongest first.

    `flagged` and `false_alarm` begin with the highest scores, `passed` with those nearest below the
    threshold, `missed` with the lowest. `where` maps dimensions to a value, a list of values, or
    None for unknown. Without a model the champion's, else the latest trained. Raises `UsageError`
    on another side or dimension, `UserError` where the model has no threshold.
    """
    scope = find_scope(warehouse, feature_set, None, date_from, date_to)
    if model is not None and model not in {one.version for one in scope.models}:
        scope = find_scope(warehouse, feature_set, [model], date_from, date_to)
    chosen = scope.models[0] if model is None else scope.model(model)
    if threshold is not None:
        chosen = chosen.at(threshold)
        shown = [chosen if one.version == chosen.version else one for one in scope.models]
        scope = replace(scope, models=shown)
    found = strongest(scope, chosen, side, dict(where or {}), limit)
    told = describe(scope, found, [chosen.version] * found.height)
    return [told[one] for one in found["id"]]


def strongest(
    scope: Scope, model: Version, side: str, where: dict[str, Any] | None = None, limit: int = LIMIT
) -> pl.DataFrame:
    """`id`, `event_at` and `score` of the rows of a side, the strongest first."""
    if side not in SIDES:
        raise UsageError(f"no side {side!r}", f"sides are {', '.join(SIDES)}")
    if model.threshold is None:
        raise UserError(
            f"{model.version} has no threshold: it flags nobody",
            f"set one with `clickward thresholds choose {model.version}`",
        )
    condition, order = SIDES[side]
    return scope.warehouse.query(
        "select toString(install_id) as id, event_at, assumeNotNull(said) as score from ("
        f"select install_id, event_at, {model.score} as said, {scope.state} as state,"
        f" said as score from {scope.relation} where {scope.where(where)})"
        f" where score is not null and {condition.format(t=repr(model.threshold))}"
        f" order by {order}, event_at, id limit {int(limit)}"
    )


def of_slices(
    scope: Scope, model: Version, side: str, slices: list[dict[str, Any]], limit: int
) -> list[pl.DataFrame]:
    """The strongest rows of a side of each slice, `id` and `event_at`, read in one scan."""
    if not slices or model.threshold is None:
        return []
    condition, order = SIDES[side]
    inside = ", ".join(
        f"if({' and '.join(condition_of(one['where']))}, {place}, -1)"
        for place, one in enumerate(slices)
    )
    found = scope.warehouse.query(
        "select slice, toString(install_id) as id, event_at from ("
        "select install_id, event_at, score,"
        f" arrayJoin(arrayFilter(x -> x >= 0, [{inside}])) as slice"
        f" from (select *, {model.score} as score, {scope.state} as state from {scope.relation}"
        f" where {scope.inside}) where score is not null"
        f" and {condition.format(t=repr(model.threshold))})"
        f" order by slice, {order}, event_at, id limit {int(limit)} by slice"
    )
    return [found.filter(pl.col("slice") == place).drop("slice") for place in range(len(slices))]


def story(warehouse: Warehouse, install_id: str) -> dict[str, Any]:
    """Everything about one install, ready for JSON: `explain`'s story, and beside it

    `reasons`, those of the score in force in the analyst's words, each with `text`, `feature`,
    `value`, and the latest `rows` inside the window it was computed over; and `events`, what
    happened around it. Raises `UserError` where no install has the id.
    """
    told = explain(warehouse, install_id)
    features = {one.name: one for one in list_features(warehouse.project)}
    in_force = next((one for one in told["scores"] if one["is_in_force"]), None)
    reasons = [
        {
            "text": words(features, one["feature"], one["value"]),
            "feature": one["feature"],
            "value": one["value"],
            "rows_inside": one["rows_inside"],
            "rows": one.get("latest_rows", []),
        }
        for one in (in_force or {"reasons": []})["reasons"]
    ]
    events = []
    if told["subject"] == "install":
        at = told["cleaned"]["event_at"]
        events = events_around(warehouse, [told["subject_id"]], [at]).get(told["subject_id"], [])
    plain: dict[str, Any] = as_json(told | {"reasons": reasons, "events": events})
    return plain


def as_json(value: Any) -> Any:
    """The same value of what JSON knows: instants, days and ids as text."""
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date | UUID):
        return str(value)
    return value


EXPORTED = (
    "id", "at", "app", "publisher", "subpublisher", "country", "os", "carrier", "ctit_seconds",
    "payout_stated", "payout_currency", "payout", "currency", "model", "score", "threshold",
    "flagged", "state", "reasons", "events",
)  # fmt: skip


def export_rows(
    warehouse: Warehouse,
    path: Path,
    where: Mapping[str, Any] | None = None,
    model: str | None = None,
    side: str = "flagged",
    date_from: date | None = None,
    date_to: date | None = None,
    limit: int = 10_000,
    *,
    feature_set: str = "fs_install",
    threshold: float | None = None,
) -> int:
    """Write the rows of `find_rows` as CSV, with reasons and events as text; how many there are.

    The file appears whole; a text that a spreadsheet would take for a formula gets an apostrophe.
    The hidden truth of a simulated world is not evidence and is left out.
    """
    scope = find_scope(warehouse, feature_set, [model] if model else None, date_from, date_to)
    chosen = scope.models[0] if threshold is None else scope.models[0].at(threshold)
    rows = find_rows(warehouse, where, chosen.version, side, date_from, date_to, limit,
                     feature_set=feature_set, threshold=threshold)  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    lines = (
        row
        | {
            "currency": scope.currency,
            "model": chosen.version,
            "score": row["score"][chosen.version],
            "threshold": chosen.threshold,
            "flagged": flag(row["score"][chosen.version], chosen.threshold),
            "reasons": "; ".join(row["reasons"]),
            "events": "; ".join(event_text(one) for one in row["events"]),
        }
        for row in rows
    )
    write_csv_rows(EXPORTED, lines, partial)
    partial.replace(path)
    return len(rows)
