"""Window queries for tests: rendered once by dbt, run many times on other rows."""

import json
import math
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from clickward.warehouse.build import render
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.profile import Project
from tests.oracles.windows import Before, Event, before

# The days built; events may lie before them.
FIRST_DAY, DAYS = date(2024, 2, 10), 45
WINDOWS = {
    "1m": timedelta(minutes=1),
    "1h": timedelta(hours=1),
    "30d": timedelta(days=30),
}
# Read by the aggregates; events of one instant stand in their order.
COLUMNS = ["app", "price", "flag", "n"]
TYPES = {
    "app": "LowCardinality(Nullable(String))",
    "price": "Nullable(Float64)",
    "flag": "Nullable(UInt8)",
    "n": "Int64",
}
Oracle = Callable[[Before], Any]


def _dear(event: Event) -> bool | None:
    return None if event["price"] is None else event["price"] > 5


AGGREGATES: list[tuple[dict[str, Any], Oracle]] = [
    ({"aggregate": "count"}, Before.count),
    ({"aggregate": "count", "where": "price > 5"}, lambda b: b.where(_dear).count()),
    ({"aggregate": "is_first_seen"}, Before.is_first_seen),
    ({"aggregate": "sum", "of": "price"}, lambda b: b.sum("price")),
    ({"aggregate": "sum", "of": "n", "where": "flag"},
     lambda b: b.where(lambda e: e["flag"]).sum("n")),
    ({"aggregate": "mean", "of": "price"}, lambda b: b.mean("price")),
    ({"aggregate": "standard_deviation", "of": "price"}, lambda b: b.standard_deviation("price")),
    ({"aggregate": "sum", "of": "flag", "whole": True}, lambda b: b.sum("flag")),
    ({"aggregate": "mean", "of": "n", "whole": True, "where": "price > 5"},
     lambda b: b.where(_dear).mean("n")),
    ({"aggregate": "standard_deviation", "of": "n", "whole": True},
     lambda b: b.standard_deviation("n")),
    ({"aggregate": "smoothed_rate", "of": "flag", "over": "n", "whole": True, "prior": 0.1,
      "weight": 20}, lambda b: b.smoothed_rate("flag", "n", 0.1, 20)),
    ({"aggregate": "min", "of": "price"}, lambda b: b.min("price")),
    ({"aggregate": "max", "of": "price"}, lambda b: b.max("price")),
    ({"aggregate": "max", "of": "app", "type": "String"}, lambda b: b.max("app")),
    ({"aggregate": "share", "of": "price > 5"}, lambda b: b.share(_dear)),
    ({"aggregate": "smoothed_rate", "of": "flag", "over": "n", "prior": 0.1, "weight": 20},
     lambda b: b.smoothed_rate("flag", "n", 0.1, 20)),
    ({"aggregate": "count_distinct", "of": "app"}, lambda b: b.distinct("app")),
    ({"aggregate": "count_distinct", "of": "app", "where": "flag", "method": "runs"},
     lambda b: b.where(lambda e: e["flag"]).distinct("app")),
    ({"aggregate": "count_distinct", "of": "app", "method": "frames", "windows": ["1h"]},
     lambda b: b.distinct("app")),
    ({"aggregate": "min", "of": "price", "method": "frames", "windows": ["1m", "1h"]},
     lambda b: b.min("price")),
    ({"aggregate": "distinct_ratio", "of": "app"}, lambda b: b.distinct_ratio("app")),
    ({"aggregate": "entropy", "of": "app"}, lambda b: b.entropy("app")),
    ({"aggregate": "quantile", "of": "price", "level": 0.25}, lambda b: b.quantile("price", 0.25)),
    ({"aggregate": "first", "of": "app"}, lambda b: b.first("app", COLUMNS)),
    ({"aggregate": "last", "of": "app"}, lambda b: b.last("app", COLUMNS)),
    ({"aggregate": "last", "of": "price", "type": "Float64"}, lambda b: b.last("price", COLUMNS)),
    ({"aggregate": "mode", "of": "app"}, lambda b: b.mode("app")),
    ({"aggregate": "mode_share", "of": "app"}, lambda b: b.mode_share("app")),
    ({"aggregate": "last_k", "of": "app", "k": 3}, lambda b: b.last_k("app", 3, COLUMNS)),
    ({"aggregate": "last_k", "of": "n", "k": 2, "type": "Int64"},
     lambda b: b.last_k("n", 2, COLUMNS)),
    ({"aggregate": "last_k_seconds", "k": 3}, lambda b: b.seconds_before()[-3:]),
    ({"aggregate": "seconds_since_last"}, Before.seconds_since_last),
    ({"aggregate": "seconds_since_last", "method": "sequences"}, Before.seconds_since_last),
    ({"aggregate": "seconds_since_last", "n": 3}, lambda b: b.seconds_since_last(3)),
    ({"aggregate": "seconds_since_last", "where": "flag", "n": 2},
     lambda b: b.where(lambda e: e["flag"]).seconds_since_last(2)),
    ({"aggregate": "gap_mean"}, Before.gap_mean),
    ({"aggregate": "gap_variation"}, Before.gap_variation),
]  # fmt: skip


# Column over column: two windows, a mean over a count, over a share that may be 0 or unknown.
SHARE = next(n for n, (one, _) in enumerate(AGGREGATES) if one["aggregate"] == "share")
MEAN = next(n for n, (one, _) in enumerate(AGGREGATES) if one["aggregate"] == "mean")
RATIOS = {
    "r0": ("m0_1h_1h", "m0_30d_30d"),
    "r1": (f"m{MEAN}_30d_30d", "m0_1m_1m"),
    "r2": ("m0_1h_1h", f"m{SHARE}_30d_30d"),
}


# What a finer entity takes.
SUMS = {"count", "is_first_seen", "sum", "mean", "standard_deviation", "share", "smoothed_rate"}


def is_sum(aggregate: dict[str, Any]) -> bool:
    recency = aggregate["aggregate"] == "seconds_since_last"
    return aggregate["aggregate"] in SUMS or (recency and not {"n", "method"} & set(aggregate))


def stated(sums_only: bool = False) -> list[dict[str, Any]]:
    """The aggregates as a model states them, one measure each."""
    found = []
    for number, (aggregate, _) in enumerate(AGGREGATES):
        if sums_only and not is_sum(aggregate):
            continue
        for window in aggregate.get("windows", WINDOWS):
            # seconds_since_last names no window in its column: one measure per window.
            found.append(aggregate | {"measure": f"m{number}_{window}", "windows": [window]})
    return [*found, *({"measure": name, "ratio": list(of)} for name, of in RATIOS.items())]


def expected(
    subject: Event,
    events: Sequence[Event],
    keys: Sequence[str],
    entity: str = "e",
    sums_only: bool = False,
) -> dict[str, Any] | None:
    """Every feature of `subject` by brute force; None where its key is unknown."""
    found: dict[str, Any] = {}
    for number, (aggregate, oracle) in enumerate(AGGREGATES):
        if sums_only and not is_sum(aggregate):
            continue
        for window in aggregate.get("windows", WINDOWS):
            seen = before(subject, events, keys, WINDOWS[window])
            if seen is None:
                return None
            suffix = "" if aggregate["aggregate"] == "seconds_since_last" else f"_{window}"
            found[f"{entity}__m{number}_{window}{suffix}"] = oracle(seen)
    for name, of in RATIOS.items():
        upper, lower = (found[f"{entity}__{column}"] for column in of)
        is_known = upper is not None and lower is not None and lower != 0
        found[f"{entity}__{name}"] = upper / lower if is_known else None
    return found


def template(
    keys: Sequence[str],
    events: str = "none",
    events_where: str = "true",
    aggregates: Sequence[dict[str, Any]] = (),
    finer: Sequence[dict[str, Any]] = (),
) -> str:
    """Jinja that states `aggregates`, or every one, on tables `$clicks` and `$installs`."""
    finer_keys = [key for part in finer for key in part["keys"]]
    columns = json.dumps([*COLUMNS, *(key for key in finer_keys if key not in COLUMNS)])
    all_count = "true" if events == "none" and events_where == "true" else "false"
    days = [f"toDate('{FIRST_DAY + timedelta(days=n)}')" for n in range(DAYS)]
    return (
        "{% set rows %}{{ window_rows("
        f"'$installs', 'event_id', {json.dumps(keys)}, {columns}, {events},"
        f" {json.dumps(days)}, 30, '{events_where}', {json.dumps(finer_keys)})"
        " }}{% endset %}{{ window_query("
        f"rows, 'event_id', 'e', {json.dumps(keys)}, {json.dumps(list(WINDOWS))},"
        f" {json.dumps(list(aggregates) or stated())}, {json.dumps(COLUMNS)},"
        f" {json.dumps(list(finer))}, {all_count}) }}}}"
    )


def render_all(project: Project, templates: Sequence[str]) -> list[str]:
    """SQL of each template, by one run of dbt."""
    return render(project, "\n-- next\n".join(templates)).split("\n-- next\n")


def fill(warehouse: Warehouse, table: str, time_type: str, rows: Sequence[Event]) -> None:
    """Make `table` anew with `rows`, in two blocks in the order given."""
    columns = ["event_id", "event_at", "ip", "os", *COLUMNS]
    types = ", ".join(f"{name} {type_}" for name, type_ in TYPES.items())
    warehouse.command(
        f"create or replace table {table} (event_id UUID, event_at {time_type},"
        f" event_date Date materialized toDate(event_at), ip Nullable(String),"
        f" os Nullable(String), {types}) engine = Memory"
    )
    half = len(rows) // 2
    for part in (rows[:half], rows[half:]):
        if part:
            data = [[row[column] for column in columns] for row in part]
            warehouse.client.insert(table, data, column_names=columns)


def assert_equal(found: dict[str, Any], wanted: dict[str, Any], at: datetime) -> None:
    """Every feature wanted, to nine digits."""
    for name, value in wanted.items():
        number = re.search(r"__m(\d+)_", name)
        aggregate = AGGREGATES[int(number[1])][0] if number else ""
        assert _close(found[name], value), f"{aggregate} {name} at {at}: {found[name]} for {value}"


def _close(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_close, found, wanted))
    if isinstance(wanted, float) and found is not None:
        return math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-7)
    return bool(found == wanted)
