"""What stands inside a feature's window: which events, by which keys, and those of one subject."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import Feature
from clickward.warehouse.durations import parse_duration

SHOWN = 5
COLUMNS = (
    "install_id", "click_id", "event_at", "app_id", "publisher", "subpublisher", "country",
    "device_model", "os_version", "n", "positives",
)  # fmt: skip


@dataclass(frozen=True)
class Window:
    """Events of `relation` that share `keys` with the subject, over the time before or after it."""

    events: str
    relation: str
    keys: tuple[str, ...]
    is_after: bool = False

    def bounds(self, at: datetime, length: str) -> tuple[str, dict[str, datetime]]:
        """SQL of `[at - length, at)`, or of `(at, at + length]`, and its parameters."""
        if self.is_after:
            condition = "event_at > {from_at:DateTime64(3, 'UTC')} and event_at <= "
            span = {"from_at": at, "to_at": at + parse_duration(length)}
        else:
            condition = "event_at >= {from_at:DateTime64(3, 'UTC')} and event_at < "
            span = {"from_at": at - parse_duration(length), "to_at": at}
        return condition + "{to_at:DateTime64(3, 'UTC')}", span


def window_of(manifest: dict[str, Any], feature: Feature) -> Window | None:
    """The window a feature is computed over, as its model states; None for own values."""
    nodes = {node["name"]: node for node in manifest["nodes"].values()}
    if feature.events not in nodes:
        return None
    events = nodes[feature.events]
    relation = f"{events['schema']}.{events['alias']}"
    return Window(feature.events, relation, feature.keys, feature.is_after)


def rows_inside(
    warehouse: Warehouse, window: Window, subject: dict[str, Any], at: datetime, length: str
) -> tuple[int, list[dict[str, Any]]] | None:
    """How many events stand in the window of a subject at `at`, and the latest of them.

    None where the subject has no value of a key: it then has no window.
    """
    values = {key: subject.get(key) for key in window.keys}
    if any(value is None for value in values.values()):
        return None
    database, name = window.relation.split(".")
    columns = warehouse.query(
        "select name, type from system.columns"
        " where database = {database:String} and table = {name:String}",
        database=database,
        name=name,
    )
    types = dict(columns.iter_rows())
    same = " and ".join(f"{key} = {{{key}:{_plain(types[key])}}}" for key in values)
    condition, span = window.bounds(at, length)
    inside = f"from {window.relation} as rows_of where {same} and {condition}"
    bounds = {**values, **span}
    shown = ", ".join(
        f"toString({column}) as {column}" if types[column] == "UUID" else column
        for column in COLUMNS
        if column in types
    )
    count = int(warehouse.scalar(f"select count() {inside}", **bounds))
    latest = warehouse.query(
        f"select {shown} {inside} order by rows_of.event_at desc limit {SHOWN}", **bounds
    )
    return count, latest.to_dicts()


def _plain(data_type: str) -> str:
    """The type of a value that is there."""
    return re.sub(r"LowCardinality\(|Nullable\(|\)", "", data_type)
