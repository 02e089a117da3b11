"""Whether a feature sees the future: proved on the user's own rows, in a scratch schema.

The last days of core are copied twice: once without anything seen from an instant on, once with it
and with copies of earlier rows moved behind it, so that every key has a future. The feature is
built of both by the project's own models. No table of the user's is written.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from clickward.warehouse.build import run_dbt
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import Feature, read_manifest
from clickward.warehouse.errors import UserError
from clickward.warehouse.log import log, takes_say
from clickward.warehouse.profile import Project
from clickward.warehouse.scratch import SEEN_AT, record_core, scratch

IDS = {"clicks": "click_id", "installs": "install_id", "app_events": "event_id"}


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
    with scratch(warehouse) as (project, copy):
        for table in SEEN_AT:
            _copy(warehouse, copy, table, f"{SEEN_AT[table]} < {{cut:DateTime64(3)}}", first, cut)
        log("building it without the future")
        before = _values(project, copy, feature, cut)
        future = 0
        for table in SEEN_AT:
            later = f"{SEEN_AT[table]} >= {{cut:DateTime64(3)}}"
            future += _copy(warehouse, copy, table, later, first, cut)
            future += _move(copy, table, days, cut)
        log(f"building it with {future:,} later rows")
        after = _values(project, copy, feature, cut)
    if not before:
        raise UserError(
            f"{feature.name} has no subject to compare before {cut:%Y-%m-%d %H:%M}",
            "give more --days",
        )
    changed = sum(after.get(subject) != value for subject, value in before.items())
    return Causality(feature.name, cut, len(before), changed, future)


def _copy(
    warehouse: Warehouse, copy: Warehouse, table: str, where: str, first: datetime, cut: datetime
) -> int:
    """Copy the rows from `first` on for which `where` holds; how many."""
    count = _rows(copy, table)
    copy.command(
        f"insert into {copy.table('core', table)} select * from {warehouse.table('core', table)}"
        f" where event_date >= toDate({{first:DateTime64(3)}}) and {where}",
        first=first,
        cut=cut,
    )
    return _rows(copy, table) - count


def _move(copy: Warehouse, table: str, days: int, cut: datetime) -> int:
    """Earlier rows once more under other ids, `days` and a day later: behind the cut."""
    if table not in IDS:
        return 0
    count = _rows(copy, table)
    later = f"+ toIntervalDay({days + 1})"
    name = copy.table("core", table)
    copy.command(
        f"insert into {name} select * replace (reinterpretAsUUID(sipHash128({IDS[table]})) as"
        f" {IDS[table]}, event_at {later} as event_at, known_at {later} as known_at,"
        f" event_date {later} as event_date) from {name} where event_at < {{cut:DateTime64(3)}}",
        cut=cut,
    )
    return _rows(copy, table) - count


def _rows(copy: Warehouse, table: str) -> int:
    return int(copy.scalar(f"select count() from {copy.table('core', table)}"))


def _values(project: Project, copy: Warehouse, feature: Feature, cut: datetime) -> dict[str, Any]:
    """Build the feature of what the copy holds; its bytes for every subject it was there for."""
    record_core(copy)
    run_dbt(
        project,
        ["run", "--full-refresh", "--select", f"+{feature.model}", "--exclude", *SEEN_AT,
         "path:models/staging"],
    )  # fmt: skip
    node = next(
        node for node in read_manifest(project)["nodes"].values() if node["name"] == feature.model
    )
    key = next(name for name in node["columns"] if name.endswith("_id"))
    waited = feature.delay // timedelta(milliseconds=1)
    rows = copy.client.query(
        f"select toString({key}), hex(toString({feature.name}))"
        f" from {copy.table('features', feature.model)}"
        f" where event_at < {{cut:DateTime64(3)}} - toIntervalMillisecond({waited})",
        parameters={"cut": cut},
    ).result_rows
    return dict(rows)
