"""Whether a feature sees the future: proved on the user's own rows, in a scratch schema.

The project's own models build the feature of core's last days twice: without anything seen from
an instant on, and with it. No table of the user's is written.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import Feature, read_manifest
from clickward.warehouse.durations import format_instant
from clickward.warehouse.errors import UserError
from clickward.warehouse.log import log, takes_say
from clickward.warehouse.scratch import SEEN_AT, Rows, rebuild, scratch


@dataclass(frozen=True)
class Causality:
    """How many subjects before `cut` were compared, and how many changed with the future."""

    feature: str
    cut: datetime
    subjects: int
    changed: int
    future_rows: int


@takes_say
def check_causality(warehouse: Warehouse, feature: Feature, days: int = 6) -> Causality:
    """Build `feature` over the last `days` days without and with what came after their middle.

    Subjects are compared for which the feature was available (`available_after`) before the cut.
    Raises `UserError` where core has no rows or nothing can be compared.
    """
    last = warehouse.scalar(
        "select max(event_at) from (select event_at from"
        f" {warehouse.table('core', 'clicks')} union all select event_at from"
        f" {warehouse.table('core', 'installs')})"
    )
    if not last or last.year < 1980:
        raise UserError("core has no rows", "load data and run `clickward build`")
    first = (last - timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)
    cut = first + (last - first) / 2
    recent = f"event_date >= '{first:%Y-%m-%d}'"
    instant = f"toDateTime64('{format_instant(cut)}', 3, 'UTC')"

    def since(model: str, columns: Collection[str]) -> str:
        return recent if "event_date" in columns else "true"

    def between(model: str, columns: Collection[str]) -> str:
        seen_at = SEEN_AT.get(model, "event_at")
        hidden = f" and {seen_at} < {instant}" if seen_at in columns else ""
        return since(model, columns) + hidden

    log("building it without the future")
    before = _values(warehouse, feature, cut, between)
    future = sum(
        warehouse.scalar(
            f"select count() from {warehouse.table('core', table)}"
            f" where {recent} and {seen_at} >= {instant}"
        )
        for table, seen_at in SEEN_AT.items()
    )
    log(f"building it with {future:,} later rows")
    after = _values(warehouse, feature, cut, since)
    if not before:
        raise UserError(
            f"{feature.name} has no subject to compare before {cut:%Y-%m-%d %H:%M}",
            "give more --days",
        )
    changed = sum(after.get(subject) != value for subject, value in before.items())
    return Causality(feature.name, cut, len(before), changed, future)


def _values(warehouse: Warehouse, feature: Feature, cut: datetime, rows: Rows) -> dict[str, Any]:
    """Build the feature of `rows`; its bytes for every subject it was there for."""
    nodes = read_manifest(warehouse.project)["nodes"].values()
    node = next(node for node in nodes if node["name"] == feature.model)
    key = next(name for name in node["columns"] if name.endswith("_id"))
    with scratch(warehouse) as copy:
        rebuild(warehouse, copy, [feature.model], rows)
        found = copy.client.query(
            f"select toString({key}), hex(toString({feature.name}))"
            f" from {copy.table('features', feature.model)}"
            " where event_at < {until:DateTime64(3)}",
            parameters={"until": cut - feature.delay},
        )
    return dict(found.result_rows)
