"""What stands inside a feature's window: which events, by which keys, and those of one subject."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models_ml.durations import parse_duration
from warehouse.connection import Warehouse
from warehouse.contracts import Feature

SHOWN = 5
COLUMNS = (
    "install_id", "click_id", "event_at", "app_id", "publisher", "subpublisher", "country",
    "device_model", "os_version", "n", "positives",
)  # fmt: skip


@dataclass(frozen=True)
class Window:
    """Events of a core table that share `keys` with the subject, over the time before it."""

    events: str
    keys: tuple[str, ...]


def window_of(manifest: dict[str, Any], feature: Feature) -> Window | None:
    """The window a feature is computed over, as its model states; None for own values."""
    if not feature.window:
        return None
    node = next(n for n in manifest["nodes"].values() if n["name"] == feature.model)
    code = node["raw_code"]
    keys = re.search(r"keys=\[([^\]]*)\]", code)
    if keys is None:
        return None
    stated = re.search(r"events=ref\(\"(\w+)\"\)", code) or re.search(
        r"subjects=ref\(\"(\w+)\"\)", code
    )
    if stated is None:
        return None
    return Window(stated.group(1), tuple(re.findall(r"\"(\w+)\"", keys.group(1))))


def rows_inside(
    warehouse: Warehouse, window: Window, subject: dict[str, Any], at: datetime, length: str
) -> tuple[int, list[dict[str, Any]]] | None:
    """How many events stand in `[at - length, at)`, and the latest of them.

    None where the subject has no value of a key: it then has no window.
    """
    values = {key: subject.get(key) for key in window.keys}
    if any(value is None for value in values.values()):
        return None
    table = warehouse.table("core", window.events)
    database, name = table.split(".")
    columns = warehouse.query(
        "select name, type from system.columns"
        " where database = {database:String} and table = {name:String}",
        database=database,
        name=name,
    )
    types = dict(columns.iter_rows())
    same = " and ".join(f"{key} = {{{key}:{_plain(types[key])}}}" for key in values)
    inside = (
        f"from {table} where {same} and event_at < {{at:DateTime64(3, 'UTC')}}"
        " and event_at >= {from_at:DateTime64(3, 'UTC')}"
    )
    bounds = {**values, "at": at, "from_at": at - parse_duration(length)}
    shown = ", ".join(
        f"toString({column}) as {column}" if types[column] == "UUID" else column
        for column in COLUMNS
        if column in types
    )
    count = int(warehouse.scalar(f"select count() {inside}", **bounds))
    latest = warehouse.query(
        f"select {shown} {inside} order by {table}.event_at desc limit {SHOWN}", **bounds
    )
    return count, latest.to_dicts()


def _plain(data_type: str) -> str:
    """The type of a value that is there."""
    return re.sub(r"LowCardinality\(|Nullable\(|\)", "", data_type)
