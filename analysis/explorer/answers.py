"""What the notebook's page asks of the store, and the answers it gets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from math import isfinite, nan
from pathlib import Path
from typing import Any

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UsageError, UserError

LIMIT = 200


@dataclass(frozen=True)
class Asked:
    """What an explorer shows: the feature set, its models and its days, and where evidence goes."""

    feature_set: str
    models: tuple[str, ...] | None
    date_from: date | None
    date_to: date | None
    export_to: Path


def answer(warehouse: Warehouse, shown: Asked, question: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to `{"id", "ask", …}`: always with its `id`, and with what was asked for.

    What a user can cause comes back as `{"id", "error", "hint"}`; anything else is raised.
    """
    name = str(question.get("ask"))
    try:
        if name not in ANSWERS:
            raise UsageError(f"nobody answers {name!r}", f"ask one of {', '.join(ANSWERS)}")
        found = ANSWERS[name](warehouse, shown, question)
    except UserError as error:
        return {"id": question.get("id"), "error": error.message, "hint": error.hint}
    return {"id": question.get("id"), **found}


def rows(warehouse: Warehouse, shown: Asked, question: Mapping[str, Any]) -> dict[str, Any]:
    """`rows` of a side of the threshold shown, at most `LIMIT` of them."""
    from clickward.analysis.explorer.rows import find_rows

    found = find_rows(warehouse, limit=LIMIT, **_side(shown, question))
    note = f"the {LIMIT} strongest; export has all" if len(found) == LIMIT else "all there are"
    return {"rows": found, "note": note}


def story(warehouse: Warehouse, shown: Asked, question: Mapping[str, Any]) -> dict[str, Any]:
    """`story` of one row, `question["row"]`: reasons in words and raw events."""
    from clickward.analysis.explorer.rows import story as tell

    return {"story": tell(warehouse, _text(question, "row"))}


def bins(warehouse: Warehouse, shown: Asked, question: Mapping[str, Any]) -> dict[str, Any]:
    """`bins` of a finer slice by model version, over all its rows."""
    from clickward.analysis.explorer.bins import read_bins

    found = read_bins(
        warehouse,
        dict(question.get("where") or {}),
        feature_set=shown.feature_set,
        models=shown.models,
        date_from=shown.date_from,
        date_to=shown.date_to,
    )
    whole = found["dimensions"][0]["name"]
    return {"bins": {version: held[whole] for version, held in found["bins"].items()}}


def save_threshold(
    warehouse: Warehouse, shown: Asked, question: Mapping[str, Any]
) -> dict[str, Any]:
    """Write the threshold, with who and why; `saved` says what was written."""
    import getpass

    from clickward.models_ml.evaluation.thresholds import Choice
    from clickward.models_ml.training.registry import set_threshold

    name, why = (str(question.get(key) or "").strip() for key in ("name", "why"))
    if not name or not why:
        raise UsageError("a threshold needs a name and a reason", "say what you saw")
    version, value = _text(question, "model"), _number(question.get("value"))
    if value is None:
        raise UsageError("a threshold needs a value", "send a number as value")
    set_threshold(warehouse, version, Choice(name, value, basis={"chosen_in": "explorer"}), why)
    return {"saved": {"model": version, "name": name, "value": value, "by": getpass.getuser()}}


def export(warehouse: Warehouse, shown: Asked, question: Mapping[str, Any]) -> dict[str, Any]:
    """Write every row of a side as CSV into `shown.export_to`; `path` and `count` of it."""
    from clickward.analysis.explorer.rows import export_rows
    from clickward.warehouse.durations import utc_now

    asked = _side(shown, question)
    path = shown.export_to / f"{asked['side']}-{utc_now():%Y%m%d-%H%M%S}.csv"
    try:
        count = export_rows(warehouse, path, **asked)
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror}", "name another folder as export_to"
        ) from error
    return {"count": count, "path": str(path)}


def _side(shown: Asked, question: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the rows asked for."""
    days = {
        f"date_{end}": _day(question.get(end)) or getattr(shown, f"date_{end}")
        for end in ("from", "to")
    }
    return {
        "where": dict(question.get("where") or {}),
        "model": question.get("model"),
        "side": str(question.get("side") or "flagged"),
        "threshold": _number(question.get("threshold")),
        "feature_set": shown.feature_set,
        **days,
    }


def _day(text: Any) -> date | None:
    try:
        return None if text is None else datetime.fromisoformat(str(text)).date()
    except ValueError:
        raise UsageError(f"{text!r} is no day", "write one as 2026-01-31") from None


def _number(value: Any) -> float | None:
    """A finite number. Raises `UsageError` on anything else that is there."""
    try:
        number = None if value is None else float(value)
    except (TypeError, ValueError):
        number = nan
    if number is not None and not isfinite(number):
        raise UsageError(f"{value!r} is no number", "write one as 0.5")
    return number


def _text(question: Mapping[str, Any], name: str) -> str:
    if question.get(name) is None:
        raise UsageError(f"{question['ask']} is asked without {name}", f"send {name} with it")
    return str(question[name])


Answer = Callable[[Warehouse, Asked, Mapping[str, Any]], dict[str, Any]]
ANSWERS: dict[str, Answer] = {
    "rows": rows,
    "story": story,
    "bins": bins,
    "save_threshold": save_threshold,
    "export": export,
}
