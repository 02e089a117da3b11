"""What installs are sliced by, and values as small numbers the engine groups quickly."""

from collections.abc import Iterable
from typing import Any

from clickward.warehouse.errors import UsageError

# Name to label; the column of `scored_installs` is that of the same name, or `COLUMNS` says it.
DIMENSIONS = {
    "publisher": "Publisher",
    "subpublisher": "Sub-publisher",
    "app": "App",
    "country": "Country",
    "os": "OS",
    "carrier": "Carrier",
    "hour": "Hour (UTC)",
}
COLUMNS = {"app": "app_id"}
LARGEST = 50
OTHER = "other"


def column_of(dimension: str) -> str:
    """The column that holds a dimension. Raises `UsageError` where there is no such dimension."""
    if dimension not in DIMENSIONS:
        raise UsageError(
            f"no dimension {dimension!r}", f"dimensions are {', '.join(DIMENSIONS)}"
        )  # fmt: skip
    return COLUMNS.get(dimension, dimension)


def as_text(dimension: str) -> str:
    """SQL of a dimension's value as text; empty where it is unknown."""
    column = column_of(dimension)
    return f"toString({column})" if dimension == "hour" else f"ifNull({column}, '')"


def shown(value: str) -> str | None:
    """A value as it is told: None where it is unknown."""
    return value or None


def code(dimension: str, values: Iterable[str | None], rest: int) -> str:
    """SQL of the place of a row's value among `values`, `rest` where it is not among them."""
    named = [value or "" for value in values]
    if not named:
        return f"toUInt32({rest})"
    listed = ", ".join(quoted(value) for value in named)
    places = ", ".join(str(place) for place in range(len(named)))
    return f"toUInt32(transform({as_text(dimension)}, [{listed}], [{places}], {rest}))"


def condition_of(filters: dict[str, Any]) -> list[str]:
    """SQL conditions that dimensions have the values of `filters`; None is unknown."""
    conditions = []
    for dimension, wanted in filters.items():
        values = wanted if isinstance(wanted, list | tuple | set) else [wanted]
        listed = ", ".join(quoted("" if value is None else str(value)) for value in values)
        conditions.append(f"{as_text(dimension)} in ({listed or 'null'})")
    return conditions


def quoted(value: str) -> str:
    """SQL of a text."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
