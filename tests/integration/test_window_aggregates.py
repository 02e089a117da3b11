"""Every windowed aggregate against brute force, on random rows; and faults that must be seen."""

import json
import random
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from harness import use_schema
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from clickward.warehouse.build import render
from clickward.warehouse.connection import Warehouse, connect
from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import Project, find_project
from tests.integration.window_queries import (
    DAYS,
    FIRST_DAY,
    WINDOWS,
    assert_equal,
    expected,
    fill,
    render_all,
    stated,
    template,
)
from tests.oracles.windows import Event, before

START = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day)
# Steps from one event to the next: ties, a window's length exactly, and a millisecond beside it.
STEPS = [
    *[timedelta(0)] * 4,
    *[timedelta(milliseconds=ms) for ms in (1, 999, 1000, 7_300)],
    *[
        window + timedelta(milliseconds=ms)
        for window in (timedelta(minutes=1), timedelta(hours=1))
        for ms in (-1, 0, 1)
    ],
    timedelta(days=30) - timedelta(hours=1, minutes=1),
]
IPS = [*["a"] * 5, "b", "", None]
PRICES = [None, 0.0, 0.1, 2.5, 5.0, 7.25, 7.25, 1e6, -3.3]


def random_rows(dice: random.Random, count: int, in_seconds: bool) -> list[Event]:
    """Events with heavy and one-row keys, unknown and empty values, in no order."""
    at, rows = START - timedelta(days=dice.choice([0, 1, 30])), []
    for number in range(count):
        at += dice.choice(STEPS)
        if in_seconds:
            at = at.replace(microsecond=0)
        rows.append(
            {
                "event_id": uuid.UUID(int=dice.getrandbits(128)),
                "event_at": at,
                "ip": f"once{number}" if number % 11 == 7 else dice.choice(IPS),
                "os": dice.choice(["x", "x", "y", "", None]),
                "app": dice.choice([None, "", "p", "q", "r", "s"]),
                "price": dice.choice(PRICES),
                "flag": dice.choice([None, 0, 1]),
                "n": dice.choice([1, 1, 2, 5]),
            }
        )  # fmt: skip
    dice.shuffle(rows)
    return rows


# Their runs have more beginnings and ends than a number of 64 bits can mark.
MANY_VALUES: list[dict[str, Any]] = [
    {"measure": f"dear{k}", "aggregate": "count_distinct", "of": "app", "where": f"price > {k - 3}"}
    for k in range(20)
]
# Beside counts, distinct counts of the same column and of another, and an entropy, whose sorts
# and frames they share.
COARSE: list[dict[str, Any]] = [
    {"measure": "events", "aggregate": "count"},
    {"measure": "apps", "aggregate": "count_distinct", "of": "app"},
    {"measure": "prices", "aggregate": "count_distinct", "of": "price", "where": "flag"},
    {"measure": "kinds", "aggregate": "entropy", "of": "app", "windows": ["1h", "30d"]},
]
FINER: list[dict[str, Any]] = [
    {"entity": "by_app", "keys": ["app"], "aggregates": stated(sums_only=True)},
    {"entity": "by_os_flag", "keys": ["os", "flag"], "aggregates": stated(sums_only=True)},
]
WHOLE_PRICES = {"measure": "spent", "aggregate": "sum", "of": "price", "whole": True}


@pytest.fixture(scope="module")
def aggregates(store: str) -> Iterator[tuple[Warehouse, list[str]]]:
    """The queries under test, and the engine to run them on."""
    with pytest.MonkeyPatch.context() as patch:
        use_schema(patch, "aggregates")
        project = find_project(target="local")
        queries = render_all(
            project,
            [
                template(["ip"]),
                template(["ip", "os"], "'$clicks'", "n < 5"),
                "{{ heavy_hitters('$installs', ['ip'], ['1h'], limit=2) }}",
                template(["ip"], aggregates=MANY_VALUES),
                template(["ip"], aggregates=[WHOLE_PRICES]),
                template(["ip"], aggregates=COARSE, finer=FINER),
                template(["ip"], "'$clicks'", "n < 5", aggregates=COARSE, finer=FINER),
            ],
        )
        warehouse = connect(project)
        warehouse.command("create database if not exists aggregates")
        # Compiling 150 columns for a few rows takes longer than the rows.
        warehouse.client.set_client_setting("compile_expressions", 0)
        yield warehouse, queries
        warehouse.command("drop database aggregates")
        warehouse.close()


def compare(
    warehouse: Warehouse,
    query: str,
    keys: Sequence[str],
    subjects: Sequence[Event],
    events: Sequence[Event],
) -> int:
    """Assert that every feature is as by brute force; returns how many subjects were compared."""
    sql = query.replace("$installs", "aggregates.installs").replace("$clicks", "aggregates.clicks")
    found = {row["event_id"]: row for row in warehouse.client.query(sql).named_results()}
    built = [row for row in subjects if START <= row["event_at"] < START + timedelta(days=DAYS)]
    known = {row["event_id"]: expected(row, events, keys) for row in built}
    assert set(found) == {name for name, wanted in known.items() if wanted is not None}
    for row in built:
        wanted = known[row["event_id"]]
        if wanted is not None:
            answer = found[row["event_id"]]
            assert answer["event_at"].replace(tzinfo=None) == row["event_at"]
            assert_equal(answer, wanted, row["event_at"])
    return len(found)


def compare_random(
    warehouse: Warehouse, queries: Sequence[str], seed: int, count: int, in_seconds: bool
) -> int:
    dice = random.Random(seed)
    time_type = "DateTime('UTC')" if in_seconds else "DateTime64(3, 'UTC')"
    clicks, installs = (random_rows(dice, size, in_seconds) for size in (count, count // 2))
    # Some installs at the very instant of a click.
    for row in installs[::3]:
        row["event_at"] = dice.choice(clicks)["event_at"]
    fill(warehouse, "aggregates.installs", time_type, clicks)
    compared = compare(warehouse, queries[0], ["ip"], clicks, clicks)
    fill(warehouse, "aggregates.clicks", time_type, clicks)
    fill(warehouse, "aggregates.installs", time_type, installs)
    counted = [row for row in clicks if row["n"] < 5]
    return compared + compare(warehouse, queries[1], ["ip", "os"], installs, counted)


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), count=st.integers(1, 70), in_seconds=st.booleans())
@example(seed=1, count=1, in_seconds=False)
@example(seed=2, count=70, in_seconds=True)
def test_every_aggregate_equals_brute_force(
    aggregates: tuple[Warehouse, list[str]], seed: int, count: int, in_seconds: bool
) -> None:
    compare_random(*aggregates, seed, count, in_seconds)


def edge_rows() -> list[Event]:
    """Keys with events a window apart, or a millisecond more or less; and ties of one value."""
    at, ms = START + timedelta(days=40), timedelta(milliseconds=1)
    times = [
        (f"{name}{off:+}", at - ago, 1)
        for name, window in WINDOWS.items()
        for off in (-1, 0, 1)
        for ago in (window + off * ms, timedelta(0), -ms)
    ]
    times += [("ties", at, 5), ("ties", at, 2), ("ties", at, 1), ("ties", at + ms, 1)]
    return [
        {
            "event_id": uuid.UUID(int=number), "event_at": time, "ip": ip, "os": "x",
            "app": "p", "price": 1.0, "flag": 1, "n": n,
        }
        for number, (ip, time, n) in enumerate(times)
    ]  # fmt: skip


def test_windows_end_to_the_millisecond(aggregates: tuple[Warehouse, list[str]]) -> None:
    warehouse, queries = aggregates
    rows = edge_rows()
    fill(warehouse, "aggregates.installs", "DateTime64(3, 'UTC')", rows)
    assert compare(warehouse, queries[0], ["ip"], rows, rows) == len(rows)


def test_many_distinct_counts_in_one_model(aggregates: tuple[Warehouse, list[str]]) -> None:
    warehouse, queries = aggregates
    assert "run_marks_1" in queries[3]
    dice = random.Random(5)
    rows = random_rows(dice, 60, in_seconds=False)
    for row in rows:
        row["event_at"] = START + timedelta(seconds=dice.randrange(20_000))
    fill(warehouse, "aggregates.installs", "DateTime64(3, 'UTC')", rows)
    sql = queries[3].replace("$installs", "aggregates.installs")
    answers = list(warehouse.client.query(sql).named_results())
    by_id = {row["event_id"]: row for row in rows}
    assert len(answers) > 20
    for answer in answers:
        for k in range(20):
            for name, window in WINDOWS.items():
                seen = before(by_id[answer["event_id"]], rows, ["ip"], window)
                assert seen is not None
                dear = seen.where(lambda e, k=k: None if e["price"] is None else e["price"] > k - 3)
                assert answer[f"e__dear{k}_{name}"] == dear.distinct("app")


def test_a_number_that_is_not_whole_is_refused(aggregates: tuple[Warehouse, list[str]]) -> None:
    warehouse, queries = aggregates
    rows = random_rows(random.Random(6), 40, in_seconds=False)
    fill(warehouse, "aggregates.installs", "DateTime64(3, 'UTC')", rows)
    with pytest.raises(DatabaseError, match="cannot be safely converted into type Int32"):
        warehouse.client.query(queries[4].replace("$installs", "aggregates.installs"))


def compare_finer(
    warehouse: Warehouse, query: str, subjects: Sequence[Event], events: Sequence[Event]
) -> None:
    """Assert every feature of the coarse entity and of the finer ones by brute force."""
    sql = query.replace("$installs", "aggregates.installs").replace("$clicks", "aggregates.clicks")
    found = {row["event_id"]: row for row in warehouse.client.query(sql).named_results()}
    compared = unknown = 0
    for row in subjects:
        if not START <= row["event_at"] < START + timedelta(days=DAYS) or row["ip"] is None:
            continue
        answer = found.pop(row["event_id"])
        wanted: dict[str, Any] = {}
        for part in FINER:
            told = expected(row, events, ["ip", *part["keys"]], part["entity"], sums_only=True)
            names = [name for name in answer if name.startswith(f"{part['entity']}__")]
            assert len(names) > 20
            unknown += told is None
            wanted |= dict.fromkeys(names) if told is None else told
        for name, window in WINDOWS.items():
            seen = before(row, events, ["ip"], window)
            assert seen is not None
            dear = seen.where(lambda e: e["flag"])
            wanted |= {f"e__events_{name}": seen.count(), f"e__apps_{name}": seen.distinct("app"),
                       f"e__prices_{name}": dear.distinct("price")}  # fmt: skip
            if name != "1m":
                wanted[f"e__kinds_{name}"] = seen.entropy("app")
        assert set(wanted) == set(answer) - {"event_id", "event_at", "event_date"}
        assert_equal(answer, wanted, row["event_at"])
        compared += 1
    assert not found
    assert min(compared, unknown) > 5


@pytest.mark.parametrize("in_seconds", [False, True])
def test_finer_entities_equal_brute_force(
    aggregates: tuple[Warehouse, list[str]], in_seconds: bool
) -> None:
    warehouse, queries = aggregates
    dice = random.Random(8)
    time_type = "DateTime('UTC')" if in_seconds else "DateTime64(3, 'UTC')"
    clicks, installs = (random_rows(dice, size, in_seconds) for size in (120, 60))
    assert "is_event" not in queries[5].split("inputs as")[1], "a filter that holds for every row"
    # The count by app and the distinct apps sort by one value.
    assert queries[5].count("neighbours as") == 3
    fill(warehouse, "aggregates.installs", time_type, clicks)
    compare_finer(warehouse, queries[5], clicks, clicks)
    fill(warehouse, "aggregates.clicks", time_type, clicks)
    fill(warehouse, "aggregates.installs", time_type, installs)
    compare_finer(warehouse, queries[6], installs, [row for row in clicks if row["n"] < 5])


@pytest.mark.parametrize(
    "fault",
    [("partition by input_", "partition by window_key, input_1, 0 * input_"),
     ("assumeNotNull(cityHash64(window_key, app))", "assumeNotNull(cityHash64(app))"),
     ("and 3600001 preceding", "and 3600000 preceding")],
)  # fmt: skip
def test_a_fault_in_a_finer_entity_is_caught(
    fault: tuple[str, str], aggregates: tuple[Warehouse, list[str]]
) -> None:
    warehouse, queries = aggregates
    assert fault[0] in queries[5]
    rows = edge_rows() + random_rows(random.Random(3), 100, in_seconds=False)
    fill(warehouse, "aggregates.installs", "DateTime64(3, 'UTC')", rows)
    with pytest.raises(AssertionError, match="by_app__"):
        compare_finer(warehouse, queries[5].replace(*fault), rows, rows)


# What is planted in the SQL, and the aggregate that must show it.
FAULTS = {
    "a closed window": ("preceding and 1 preceding", "preceding and current row", "'count'"),
    "a window a millisecond short": ("and 3600001 preceding", "and 3600000 preceding", "'count'"),
    "a moving frame a millisecond short": (
        "range between 3600000 preceding", "range between 3599999 preceding", "'frames'"),
    "runs cut too early": ("> 3600000", ">= 3599999", "'count_distinct'"),
    "runs cut too late": ("> 3600000", "> 3600001", "'count_distinct'"),
    "a run's end read where it begins": (
        "bitTest(run_marks_0, 1)", "bitTest(run_marks_0, 0)", "'count_distinct'"),
    "a long window's unit": ("(2592000000 + 0.5)", "(2592000000 + 1.5)", "_30d"),
    "an unknown answer counted": ("(price > 5) is not null", "true", "'share'"),
    "ties in the order of loading": ("arraySort(", "(", "'first'|'last"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught(fault: str, aggregates: tuple[Warehouse, list[str]]) -> None:
    warehouse, queries = aggregates
    old, new, match = FAULTS[fault]
    assert old in queries[0], f"{old!r} is no longer in the SQL: plant the fault elsewhere"
    rows = edge_rows() + random_rows(random.Random(3), 100, in_seconds=False)
    fill(warehouse, "aggregates.installs", "DateTime64(3, 'UTC')", rows)
    with pytest.raises(AssertionError, match=match):
        compare(warehouse, queries[0].replace(old, new), ["ip"], rows, rows)


def test_heavy_hitters_count_what_windows_hold(
    aggregates: tuple[Warehouse, list[str]],
) -> None:
    warehouse, queries = aggregates
    rows = random_rows(random.Random(4), 60, in_seconds=False)
    fill(warehouse, "aggregates.installs", "DateTime64(3, 'UTC')", rows)
    found = list(
        warehouse.client.query(
            queries[2].replace("$installs", "aggregates.installs")
        ).named_results()
    )
    events = Counter(row["ip"] for row in rows if row["ip"] is not None)
    assert [row["ip"] for row in found] == sorted(events, key=lambda ip: (-events[ip], ip))[:2]
    for answer in found:
        windows = [
            seen.count()
            for row in rows
            if row["ip"] == answer["ip"] and (seen := before(row, rows, ["ip"], WINDOWS["1h"]))
        ]
        assert answer["events"] == events[answer["ip"]]
        assert answer["share"] == pytest.approx(answer["events"] / len(rows))
        assert (answer["busiest_1h"], answer["visited_1h"]) == (max(windows), sum(windows))


@pytest.mark.parametrize(
    ("aggregate", "message"),
    [
        ({"aggregate": "median"}, "aggregate 'median' of m: expected one of count, count_distinct"),
        ({"aggregate": "count", "method": "frames"}, "method 'frames' of m: count takes sums"),
        ({"aggregate": "count", "windows": ["31d"]}, "window '31d' is longer than 30 days"),
    ],
)
def test_what_cannot_be_stated_is_refused(
    project: Project, aggregate: dict[str, Any], message: str
) -> None:
    asked = json.dumps([aggregate | {"measure": "m"}])
    with pytest.raises(UserError, match=message) as refused:
        render(project, f"{{{{ window_query('t', 'id', 'e', ['k'], ['1h'], {asked}) }}}}")
    assert refused.value.hint is not None
    log = Path(refused.value.hint.removeprefix("see "))
    assert "Encountered an error" in log.read_text(), "the log that the error names"


def test_what_a_finer_entity_cannot_take_is_refused(project: Project) -> None:
    part = {"entity": "f", "keys": ["a"], "aggregates": [
        {"measure": "m", "aggregate": "count_distinct", "of": "b"}]}  # fmt: skip
    with pytest.raises(UserError, match="'count_distinct' of f: finer entities take sums only"):
        render(project, f"{{{{ window_query('t', 'i', 'e', ['k'], ['1h'], [], [], [{part}]) }}}}")
