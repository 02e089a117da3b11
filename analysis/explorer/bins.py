"""Scores reduced to counts: score bin, value of a dimension, day and label state, in one scan."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from clickward.analysis.explorer.ctit import CTIT_BINS, ctit_bin
from clickward.analysis.explorer.dimensions import DIMENSIONS, LARGEST, OTHER, as_text, code, shown
from clickward.analysis.explorer.edges import Edges, find_edges
from clickward.analysis.explorer.resolution import SUMS, Key, begins, fit, plan
from clickward.analysis.explorer.scope import EAGER, IS_UNCONVERTED, Scope, find_scope
from clickward.warehouse.connection import Warehouse

STATES = ("fraud", "honest", "unknown")
TRUTHS = ("fraud", "honest")
# The whole range as a dimension of one value: its bins are never joined.
ALL = "all"
MILLIONTHS = 1_000_000
# The longest array that the engine counts into is a little longer.
RESAMPLED = 1_000_000


@dataclass(frozen=True)
class Cells:
    """What one scan counted: `frames` by version and dimension, with `ctit` among them.

    Columns of a dimension's frame: day, value, bin, state, truth, count, spend, and `unconverted`
    where no rate converts some payouts of the range; of `ctit`: day, ctit, bin, app, count.
    `values` holds the dimension's values by place, None where unknown.
    """

    values: dict[str, list[str | None]]
    frames: dict[Key, pl.DataFrame]
    levels: dict[Key, int]


def read_bins(
    warehouse: Warehouse,
    where: dict[str, Any] | None = None,
    *,
    feature_set: str = "fs_install",
    models: Sequence[str] | None = None,
    date_from: date | None = None,
    date_to: date | None = None,
) -> dict[str, Any]:
    """Bins of the rows that `where` names: `edges`, `days`, `dimensions`, `bins` of a payload.

    `where` maps a dimension to a value, a list of values, or None for unknown. The edges are those
    of all rows of the range, so that the figures stand beside those of the payload.
    """
    scope = find_scope(warehouse, feature_set, models, date_from, date_to)
    edges = find_edges(scope)
    return told(scope, edges, count_cells(scope, edges, where))


def count_cells(
    scope: Scope, edges: dict[str, Edges], where: dict[str, Any] | None = None
) -> Cells:
    """Count the rows of every cell of every version and dimension, reading each row once."""
    values = _largest(scope, where)
    width = {name: len(held) + 1 for name, held in values.items()}
    names = [ALL, *DIMENSIONS, "ctit"]
    levels = _levels(scope, edges, names, width)
    first = {key: begins(edges[key[0]], level) for key, level in levels.items()}
    a_day = {key: _cells_a_day(key[1], len(groups), width) for key, groups in first.items()}
    span = max(1, RESAMPLED // max(a_day.values()))
    counted: dict[Key, list[pl.DataFrame]] = {key: [] for key in first}
    for start in range(0, len(scope.days), span):
        part = (start, min(start + span, len(scope.days)))
        coded = _coded(scope, edges, values, where, part)
        for key, found in _scanned(scope, coded, first, width, part).items():
            counted[key].append(found)
    frames = {
        key: _decoded(pl.concat(counted[key]), key[1], width, groups, scope.has_truth)
        for key, groups in first.items()
    }
    return Cells(values, frames, levels)


def _scanned(
    scope: Scope, coded: str, first: dict[Key, list[int]], width: dict[str, int],
    part: tuple[int, int],
) -> dict[Key, pl.DataFrame]:  # fmt: skip
    """The cells of days `part` with rows: `key`, of a cell since the first day of all, and the sums
    of `_sums`.

    A cell is a place in an array, into which the engine counts several times as fast as it groups.
    """
    places = {model.version: n for n, model in enumerate(scope.models)}
    start, days = part[0], part[1] - part[0]
    keys, sums = [], []
    for place, ((version, name), groups) in enumerate(first.items()):
        cells, n = days * _cells_a_day(name, len(groups), width), places[version]
        # A key past the end of the array is counted nowhere.
        key = _key(n, name, groups, len(first[version, ALL]), width)
        keys.append(f"toUInt32(if(isNull(s{n}), {cells}, {key})) as k{place}")
        sums += [
            f"{'count' if of is None else 'sum'}Resample(0, {cells}, 1)"
            f"({'' if of is None else f'{of}, '}k{place}) as {name_}{place}"
            for name_, of in _sums(scope).items()
        ]
    row = scope.warehouse.query(
        f"select {', '.join(sums)} from (select paid, is_unconverted, {', '.join(keys)}"
        f" from ({coded})) {EAGER}"
    )
    found = {}
    for place, ((version, name), groups) in enumerate(first.items()):
        before = start * _cells_a_day(name, len(groups), width)
        found[version, name] = (
            pl.DataFrame({name_: row[f"{name_}{place}"][0] for name_ in _sums(scope)})
            .with_row_index("key", before)
            .filter(pl.col("count") > 0)
        )
    return found


def _sums(scope: Scope) -> dict[str, str | None]:
    """What is summed in a cell, and the column it is summed of; None counts rows."""
    unconverted = {"unconverted": "is_unconverted"} if scope.unconverted else {}
    return {"count": None, "spend": "paid", **unconverted}


def _levels(
    scope: Scope, edges: dict[str, Edges], names: list[str], width: dict[str, int]
) -> dict[Key, int]:
    """How far bins are joined within the scan, from the most cells that there can be."""
    days = len(scope.days)
    # Nearly every day is matured or not as a whole: two states, and twice that with the truth.
    states = 4 if scope.has_truth else 2
    sizes = {
        (one.version, name): days * CTIT_BINS * width["app"]
        if name == "ctit"
        else days * width.get(name, 1) * states
        for one in scope.models
        for name in names
    }
    return plan(sizes, {version: held.n for version, held in edges.items()}, edges)


def told(scope: Scope, edges: dict[str, Edges], cells: Cells) -> dict[str, Any]:
    """Cells as the payload has them, joined where they are too many."""
    fitted, first = fit(cells.frames, edges, cells.levels)
    bins: dict[str, dict[str, Any]] = {one.version: {} for one in scope.models}
    resolution: dict[str, dict[str, Any]] = {one.version: {} for one in scope.models}
    for (version, name), frame in fitted.items():
        resolution[version][name] = first[version, name]
        if name != "ctit":
            columns = {column: frame[column].to_list() for column in frame.columns}
            bins[version][name] = {"truth": None} | columns
    return {
        "edges": {version: held.edges for version, held in edges.items()},
        "days": [day.isoformat() for day in scope.days],
        "dimensions": [{"name": ALL, "label": "All", "values": [ALL]}]
        + [
            {"name": name, "label": label, "values": [*cells.values[name], OTHER]}
            for name, label in DIMENSIONS.items()
        ],
        "states": list(STATES),
        "truths": list(TRUTHS) if scope.has_truth else None,
        "bins": bins,
        "resolution": resolution,
        "ctit_rows": {
            version: {
                to: fitted[version, "ctit"][column].to_list()
                for column, to in (("day", "day"), ("ctit", "ctit"), ("bin", "score_bin"),
                                   ("app", "app"), ("count", "count"))
            }
            for version in bins
        },
    }  # fmt: skip


def _largest(scope: Scope, where: dict[str, Any] | None) -> dict[str, list[str | None]]:
    """The values of each dimension with the most rows, the largest first; hours in their order."""
    columns = {name: as_text(name) for name in DIMENSIONS if name != "hour"}
    counted = scope.warehouse.query(
        f"select grouping({', '.join(f'd_{name}' for name in columns)}) as missing,"
        f" {', '.join(f'd_{name}' for name in columns)}, count() as rows from (select"
        f" {', '.join(f'toLowCardinality({sql}) as d_{name}' for name, sql in columns.items())}"
        f" from {scope.relation} where {scope.where(where)})"
        f" group by grouping sets ({', '.join(f'(d_{name})' for name in columns)})"
    )
    every = 2 ** len(columns) - 1
    found: dict[str, list[str | None]] = {}
    for place, name in enumerate(columns):
        own = counted.filter(pl.col("missing") == every - 2 ** (len(columns) - 1 - place))
        held = own.select(value=pl.col(f"d_{name}").cast(pl.String), rows="rows")
        ranked = held.sort(["rows", "value"], descending=[True, False]).head(LARGEST)
        found[name] = [shown(value) for value in ranked["value"]]
    return {
        name: [str(hour) for hour in range(24)] if name == "hour" else found[name]
        for name in DIMENSIONS
    }


def _coded(
    scope: Scope, edges: dict[str, Edges], values: dict[str, list[str | None]],
    where: dict[str, Any] | None, part: tuple[int, int],
) -> str:  # fmt: skip
    """SQL of rows as numbers: day, state, truth, values, click-to-install time, score bins."""
    days = scope.days[part[0] : part[1]]
    scores = ", ".join(f"{model.score} as s{n}" for n, model in enumerate(scope.models))
    bins = ", ".join(
        f"ifNull({edges[model.version].place(f's{n}')}, toUInt32(0)) as b{n}"
        for n, model in enumerate(scope.models)
    )
    codes = ", ".join(f"{code(name, held, len(held))} as v_{name}" for name, held in values.items())
    return f"""
        select
            {scores}, {bins}, {codes},
            toUInt32(event_date - toDate('{days[0]}')) as day,
            toUInt32({scope.state}) as state, toUInt32({scope.truth or "0"}) as truth,
            {ctit_bin("ctit_seconds")} as ctit,
            toInt64(round(ifNull(payout, 0) * {MILLIONTHS})) as paid,
            toUInt8({IS_UNCONVERTED}) as is_unconverted
        from {scope.relation}
        where event_date >= '{days[0]}' and event_date <= '{days[-1]}' and {scope.where(where)}
    """


def _key(n: int, name: str, groups: list[int], bins: int, width: dict[str, int]) -> str:
    """SQL of a cell as one number, which the engine groups by quickest."""
    # The group of each bin, looked up in an array.
    places = ", ".join(str(bisect_right(groups, b) - 1) for b in range(bins))
    group = f"toUInt32([{places}][b{n} + 1])"
    if name == "ctit":
        return f"((day * {CTIT_BINS} + ctit) * {len(groups)} + {group}) * {width['app']} + v_app"
    cell = f"((day * {len(groups)} + {group}) * 3 + state) * 2 + truth"
    return cell if name == ALL else f"({cell}) * {width[name]} + v_{name}"


def _cells_a_day(name: str, groups: int, width: dict[str, int]) -> int:
    return groups * (CTIT_BINS * width["app"] if name == "ctit" else 6 * width.get(name, 1))


def _decoded(
    found: pl.DataFrame, name: str, width: dict[str, int], first: list[int], has_truth: bool
) -> pl.DataFrame:
    """The parts of each key as columns, in order of the key."""
    groups = ("group", len(first))
    parts = (
        [("app", width["app"]), groups, ("ctit", CTIT_BINS)]
        if name == "ctit"
        else [("value", width.get(name, 1)), ("truth", 2), ("state", 3), groups]
    )
    rest = pl.col("key")
    columns = {}
    for part, size in parts:
        columns[part] = (rest % size).cast(pl.UInt16)
        rest = rest // size
    keys = ["day", "value", "bin", "state", *(["truth"] if has_truth else [])]
    if name == "ctit":
        keys = ["day", "ctit", "bin", "app"]
    whole = found.select(
        pl.exclude("key", "spend"), pl.col("spend") / MILLIONTHS, day=rest.cast(pl.UInt16),
        **columns,
    )  # fmt: skip
    exact = whole.with_columns(bin=pl.Series(first, dtype=pl.UInt16).gather(whole["group"]))
    sums = [one for one in SUMS if one in found.columns and (one == "count" or name != "ctit")]
    return exact.select(*keys, *sums).sort(keys)
