"""Features computed again from data without a future: whatever changes had looked into it.

The feature models run once more, for one day, in databases of their own, over views that end at
an instant. dbt's own code computes them, so what is checked is what was built.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import numpy as np

from clickward.models_ml.dataset.splits import to_datetime
from clickward.models_ml.dataset.stretch import stretch_of
from clickward.models_ml.validation.fold import FoldData
from clickward.models_ml.validation.history import History
from clickward.models_ml.validation.leak import Leak
from clickward.warehouse.build import run_dbt
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import Feature, FeatureSet, read_manifest
from clickward.warehouse.durations import format_instant
from clickward.warehouse.errors import UserError
from clickward.warehouse.log import log
from clickward.warehouse.profile import STAGES, read_target
from clickward.warehouse.tables import on_cluster

SUFFIX = "_leaks"
# Rows are compared up to noon of a day: what happened in its second half is the near future.
HALF_DAY = timedelta(hours=12)


@dataclass(frozen=True)
class Cut:
    """Features of `[day_from, decided_to)` are compared; events from `ends_at` on are hidden."""

    day_from: datetime
    decided_to: datetime
    ends_at: datetime


def future_leaks(
    warehouse: Warehouse, feature_set: FeatureSet, history: History, folds: list[FoldData]
) -> list[Any]:
    """Features whose values change once everything later is hidden. Empty where none does.

    Says so where the features are not dbt models of the project and cannot be computed again.
    """
    models = dict.fromkeys(feature.model for feature in feature_set.features)
    known = {path.stem for path in (warehouse.project.project_dir / "models").rglob("*.sql")}
    if not known.issuperset(models):
        log("features are not models of the project: not checked for looking into the future")
        return []
    by_delay: dict[timedelta, list[Feature]] = {}
    for feature in feature_set.features:
        by_delay.setdefault(feature.delay, []).append(feature)
    leaks: list[Any] = []
    for delay, features in sorted(by_delay.items(), key=itemgetter(0)):
        # A delay for itself: one that is there after an hour must not be given another's day.
        cut = choose_cut(history, delay)
        one = replace(feature_set, features=tuple(features))
        with _scratch(warehouse) as scratch:
            _rebuild(warehouse, scratch, one, cut)
            leaks.extend(_compare(warehouse, scratch, one, cut, _fold_of(folds, cut)))
    return leaks


def choose_cut(history: History, after: timedelta) -> Cut:
    """The day with the most subjects before noon of those that features had `after` to wait for."""
    waited = np.timedelta64(after // timedelta(milliseconds=1), "ms")
    latest = stretch_of(history.frame.times).last - waited
    days = history.frame.times.astype("datetime64[D]")
    before_noon = history.frame.times - days < np.timedelta64(12, "h")
    eligible = before_noon & (days + np.timedelta64(1, "D") <= latest)
    if not eligible.any():
        eligible = before_noon if before_noon.any() else np.ones(len(days), dtype=bool)
    names, counts = np.unique(days[eligible], return_counts=True)
    day_from = to_datetime(names[int(counts.argmax())].astype("datetime64[ms]"))
    return Cut(day_from, day_from + HALF_DAY, day_from + HALF_DAY + after)


def _fold_of(folds: list[FoldData], cut: Cut) -> str:
    for data in folds:
        if (
            data.fold.test_from
            <= np.datetime64(cut.day_from.replace(tzinfo=None))
            < (data.fold.test_to)
        ):
            return f"fold {data.fold.number}"
    return "every fold"


@contextmanager
def _scratch(warehouse: Warehouse) -> Iterator[Warehouse]:
    """The same engine under databases of another schema, which are dropped at the end."""
    schema = warehouse.target.schema + SUFFIX
    before = os.environ.get("CLICKWARD_SCHEMA")
    os.environ["CLICKWARD_SCHEMA"] = schema
    try:
        target = read_target(warehouse.project)
        if target.schema != schema:
            raise UserError(
                "the profile's schema does not follow CLICKWARD_SCHEMA: features cannot be"
                " computed again beside those that are built",
                "write schema: \"{{ env_var('CLICKWARD_SCHEMA', 'clickward') }}\" in profiles.yml",
            )
        scratch = Warehouse(warehouse.project, target, warehouse.client)
        _drop(scratch)
        try:
            yield scratch
        finally:
            _drop(scratch)
    finally:
        if before is None:
            del os.environ["CLICKWARD_SCHEMA"]
        else:
            os.environ["CLICKWARD_SCHEMA"] = before


def _drop(scratch: Warehouse) -> None:
    for stage in STAGES:
        database = scratch.target.database(stage)
        scratch.command(f"drop database if exists {database}{on_cluster(scratch.target)}")


def _rebuild(warehouse: Warehouse, scratch: Warehouse, feature_set: FeatureSet, cut: Cut) -> None:
    """Views that end at the cut, then what is made of them; the last features for one day only."""
    nodes = _nodes(read_manifest(warehouse.project))
    models = list(dict.fromkeys(feature.model for feature in feature_set.features))
    between, base = _ancestry(nodes, models)
    # Windows may look back at what lies between, and it may be made of features itself.
    whole = between + [model for model in models if model in _ancestors(nodes, between)]
    for stage in STAGES:
        database = scratch.target.database(stage)
        scratch.command(f"create database if not exists {database}{on_cluster(scratch.target)}")
    days = scratch.table("raw", "build_days")
    scratch.command(f"create table {days} as {warehouse.table('raw', 'build_days')}")
    for name in base:
        _view(warehouse, scratch, nodes[name], cut, days)
    if whole:
        _run(scratch, whole)
    # From here on there is one day to build: the day of every other one is nobody's to define.
    scratch.command(
        f"alter table {days} delete where model in {{built:Array(String)}} and day != {{day:Date}}"
        " settings mutations_sync = 2",
        built=base + whole,
        day=cut.day_from.date(),
    )
    _run(scratch, [model for model in models if model not in whole])


def _view(
    warehouse: Warehouse, scratch: Warehouse, node: dict[str, Any], cut: Cut, days: str
) -> None:
    """A view of a built relation without what was seen from the cut on, and its days."""
    real = f"{node['schema']}.{node['alias']}"
    prefix = warehouse.target.schema
    database = scratch.target.schema + node["schema"].removeprefix(prefix)
    columns = set(
        warehouse.query(
            "select name from system.columns"
            " where database = {database:String} and table = {name:String}",
            database=node["schema"],
            name=node["alias"],
        )["name"]
    )
    seen_at = next((name for name in ("known_at", "event_at") if name in columns), None)
    where = f"{seen_at} < toDateTime64('{format_instant(cut.ends_at)}', 3, 'UTC')"
    view = f"{database}.{node['alias']}"
    scratch.command(f"create database if not exists {database}{on_cluster(scratch.target)}")
    scratch.command(
        f"create view {view} as select * from {real}{f' where {where}' if seen_at else ''}"
    )
    if "event_date" in columns:
        scratch.command(
            f"insert into {days} (model, day, inputs, content, rows, is_wanted, built_at)"
            f" select '{node['alias']}', event_date, 1, 1, count(), 1, now64(3)"
            f" from {view} group by event_date"
        )


def _run(scratch: Warehouse, models: list[str]) -> None:
    folder = scratch.project.home / "leaks"
    run_dbt(scratch.project, ["run", "--select", *models, "--target-path", str(folder)])


def _nodes(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        node["name"]: node
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed")
    }


def _ancestry(nodes: dict[str, dict[str, Any]], models: list[str]) -> tuple[list[str], list[str]]:
    """What lies between the base and the features, and the base: models made of staging, seeds."""
    by_id = {node["unique_id"]: name for name, node in nodes.items()}
    between: list[str] = []
    base: list[str] = []
    waiting = list(models)
    seen = set(models)
    while waiting:
        for parent in nodes[waiting.pop()]["depends_on"]["nodes"]:
            name = by_id.get(parent)
            if name is None or name in seen:
                continue
            seen.add(name)
            if _is_base(nodes[name], nodes, by_id):
                base.append(name)
            else:
                between.append(name)
                waiting.append(name)
    return between, base


def _ancestors(nodes: dict[str, dict[str, Any]], models: list[str]) -> set[str]:
    by_id = {node["unique_id"]: name for name, node in nodes.items()}
    seen: set[str] = set()
    waiting = list(models)
    while waiting:
        parents = {by_id.get(parent) for parent in nodes[waiting.pop()]["depends_on"]["nodes"]}
        new = {name for name in parents if name is not None} - seen
        seen |= new
        waiting.extend(new)
    return seen


def _is_base(node: dict[str, Any], nodes: dict[str, dict[str, Any]], by_id: dict[str, str]) -> bool:
    """Whether a node is a seed or reads anything but core and features: it is taken as it is."""
    if node["resource_type"] == "seed":
        return True
    parents = [by_id.get(parent) for parent in node["depends_on"]["nodes"]]
    return not parents or any(
        parent is None or "staging" in nodes[parent]["fqn"] for parent in parents
    )


def _compare(
    warehouse: Warehouse, scratch: Warehouse, feature_set: FeatureSet, cut: Cut, fold: str
) -> Iterator[Any]:
    by_model: dict[str, list[Feature]] = {}
    for feature in feature_set.features:
        by_model.setdefault(feature.model, []).append(feature)
    key = feature_set.subject_id
    for model, features in by_model.items():
        found = warehouse.query(
            f"select count() as compared, {', '.join(map(_changed, features))}"
            f" from {warehouse.table('features', model)} as a"
            f" left join {scratch.table('features', model)} as b on a.{key} = b.{key}"
            " where a.event_at >= {day_from:DateTime64(3, 'UTC')}"
            " and a.event_at < {decided_to:DateTime64(3, 'UTC')}",
            day_from=cut.day_from,
            decided_to=cut.decided_to,
        ).row(0, named=True)
        for feature in features:
            changed = found[f"{feature.name}_changed"]
            if changed:
                before, after = found[f"{feature.name}_example"].split("\x01")
                yield Leak(
                    "future aggregate",
                    feature.name,
                    f"{changed:,} of {found['compared']:,} values of {cut.day_from:%Y-%m-%d} before"
                    f" noon change, such as {before} to {after}, once what was seen from"
                    f" {format_instant(cut.ends_at)} on is hidden",
                    fold,
                )


def _changed(feature: Feature) -> str:
    before, after = (f"ifNull(toString({side}.`{feature.name}`), 'NULL')" for side in "ab")
    return (
        f"countIf({before} != {after}) as `{feature.name}_changed`,"
        f" anyIf(concat({before}, '\\x01', {after}), {before} != {after})"
        f" as `{feature.name}_example`"
    )
