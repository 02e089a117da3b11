"""Features computed again from data without a future: whatever changes had looked into it.

The feature models run once more, for one day, in databases of their own, over views that end at
an instant.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from operator import itemgetter

import numpy as np

from clickward.models_ml.dataset.splits import to_datetime
from clickward.models_ml.dataset.stretch import stretch_of
from clickward.models_ml.validation.fold import FoldData
from clickward.models_ml.validation.history import History
from clickward.models_ml.validation.leak import Leak
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import Feature, FeatureSet
from clickward.warehouse.durations import format_instant
from clickward.warehouse.log import log
from clickward.warehouse.scratch import rebuild, scratch

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
) -> list[Leak]:
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
    leaks: list[Leak] = []
    for delay, features in sorted(by_delay.items(), key=itemgetter(0)):
        # A delay for itself: one that is there after an hour must not be given another's day.
        cut = choose_cut(history, delay)
        one = replace(feature_set, features=tuple(features))
        names = list(dict.fromkeys(feature.model for feature in features))
        with scratch(warehouse) as copy:
            rebuild(warehouse, copy, names, partial(_before, cut.ends_at), cut.day_from.date())
            leaks.extend(_compare(warehouse, copy, one, cut, _fold_of(folds, cut)))
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


def _before(ends_at: datetime, model: str, columns: Collection[str]) -> str:
    """What was seen before an instant; all of what tells no time."""
    seen_at = next((name for name in ("known_at", "event_at") if name in columns), None)
    instant = f"toDateTime64('{format_instant(ends_at)}', 3, 'UTC')"
    return f"{seen_at} < {instant}" if seen_at else "true"


def _fold_of(folds: list[FoldData], cut: Cut) -> str:
    for data in folds:
        if (
            data.fold.test_from
            <= np.datetime64(cut.day_from.replace(tzinfo=None))
            < (data.fold.test_to)
        ):
            return f"fold {data.fold.number}"
    return "every fold"


def _compare(
    warehouse: Warehouse, copy: Warehouse, feature_set: FeatureSet, cut: Cut, fold: str
) -> Iterator[Leak]:
    by_model: dict[str, list[Feature]] = {}
    for feature in feature_set.features:
        by_model.setdefault(feature.model, []).append(feature)
    key = feature_set.subject_id
    for model, features in by_model.items():
        found = warehouse.query(
            f"select count() as compared, {', '.join(map(_changed, features))}"
            f" from {warehouse.table('features', model)} as a"
            f" left join {copy.table('features', model)} as b on a.{key} = b.{key}"
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
