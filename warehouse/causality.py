"""Whether a feature sees the future: proved on the user's own rows, in a scratch schema.

The last days of core are copied twice: once without anything seen from an instant on, once with it
and with copies of earlier rows moved behind it, so that every key has a future. The feature is
built of both by the project's own models. No table of the user's is written.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from warehouse.build import run_dbt
from warehouse.connection import Warehouse
from warehouse.contracts import Feature, read_manifest
from warehouse.errors import UserError
from warehouse.profile import STAGES, Project, read_target
from warehouse.tables import create_database, on_cluster

# What all features are made of, and when a row of it was there to be seen.
SEEN_AT = {
    "clicks": "event_at",
    "installs": "event_at",
    "app_events": "event_at",
    "labels": "known_at",
}
IDS = {"clicks": "click_id", "installs": "install_id", "app_events": "event_id"}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
Say = Callable[[str], None]


@dataclass(frozen=True)
class Causality:
    """How many subjects before `cut` were compared, and how many changed with the future."""

    feature: str
    cut: datetime
    subjects: int
    changed: int
    future_rows: int


def check_causality(
    warehouse: Warehouse, feature: Feature, days: int = 6, say: Say = lambda text: None
) -> Causality:
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
        say("building it without the future")
        before = _values(project, copy, feature, cut)
        future = 0
        for table in SEEN_AT:
            later = f"{SEEN_AT[table]} >= {{cut:DateTime64(3)}}"
            future += _copy(warehouse, copy, table, later, first, cut)
            future += _move(copy, table, days, cut)
        say(f"building it with {future:,} later rows")
        after = _values(project, copy, feature, cut)
    if not before:
        raise UserError(
            f"{feature.name} has no subject to compare before {cut:%Y-%m-%d %H:%M}",
            "give more --days",
        )
    changed = sum(after.get(subject) != value for subject, value in before.items())
    return Causality(feature.name, cut, len(before), changed, future)


@contextmanager
def scratch(warehouse: Warehouse) -> Iterator[tuple[Project, Warehouse]]:
    """The project under a schema of its own, core's tables empty; all is dropped at the end."""
    schema = f"{warehouse.target.schema}_check"
    before = os.environ.get("CLICKWARD_SCHEMA")
    folder = Path(tempfile.mkdtemp(prefix="clickward-check-"))
    try:
        os.environ["CLICKWARD_SCHEMA"] = schema
        # A copy, for dbt keeps names of relations in the project's folder.
        shutil.copytree(
            warehouse.project.project_dir,
            folder / "dbt_project",
            ignore=shutil.ignore_patterns("target", "logs"),
        )
        own = warehouse.project
        project = Project(folder / "dbt_project", own.profiles_dir, own.target_name)
        copy = Warehouse(project, read_target(project), warehouse.client)
        if copy.target.schema != schema:
            raise UserError(
                "the profile's schema is not read from CLICKWARD_SCHEMA",
                "write schema: \"{{ env_var('CLICKWARD_SCHEMA', 'clickward') }}\" in profiles.yml",
            )
        _drop(copy)
        for stage in ("raw", "core"):
            copy.command(create_database(copy.target, stage))
        for stage, table in [("raw", "build_days"), *(("core", table) for table in SEEN_AT)]:
            copy.command(
                f"create table {copy.table(stage, table)} as {warehouse.table(stage, table)}"
            )
        yield project, copy
        _drop(copy)
    finally:
        if before is None:
            os.environ.pop("CLICKWARD_SCHEMA", None)
        else:
            os.environ["CLICKWARD_SCHEMA"] = before
        shutil.rmtree(folder, ignore_errors=True)


def _drop(copy: Warehouse) -> None:
    for stage in STAGES:
        copy.command(
            f"drop database if exists {copy.target.database(stage)}{on_cluster(copy.target)}"
        )


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
    for table in SEEN_AT:
        copy.command(
            f"insert into {copy.table('raw', 'build_days')} (model, day, inputs, content, rows,"
            f" is_wanted, built_at) select '{table}', event_date, 0, sum(cityHash64(tuple(*))),"
            f" count(), 1, now64(3) from {copy.table('core', table)} group by event_date"
        )
    run_dbt(
        project,
        ["run", "--full-refresh", "--select", f"+{feature.model}", "--exclude", *SEEN_AT,
         "path:models/staging"],
    )  # fmt: skip
    node = next(
        node for node in read_manifest(project)["nodes"].values() if node["name"] == feature.model
    )
    key = next(name for name in node["columns"] if name.endswith("_id"))
    seconds = int(feature.available_after.rstrip("smhd") or 0) * UNITS.get(
        feature.available_after[-1:], 1
    )
    rows = copy.client.query(
        f"select toString({key}), hex(toString({feature.name}))"
        f" from {copy.table('features', feature.model)}"
        f" where event_at < {{cut:DateTime64(3)}} - toIntervalSecond({seconds})",
        parameters={"cut": cut},
    ).result_rows
    return dict(rows)
