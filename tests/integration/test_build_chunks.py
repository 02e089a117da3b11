"""Days are built in chunks, and chunks in parts: the tables do not show it."""

import datetime as datetime_module
import re
from ast import literal_eval
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from harness import leftovers, run, table_hashes, use_schema, with_fault
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from clickward.simulator import load_scenario, simulate
from clickward.warehouse.build import Step, build
from clickward.warehouse.connection import Warehouse, connect
from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import Project

FIRST_DAY, DAYS = date(2026, 1, 1), 5
# Windows in parts, labels in parts, a feature set in stretches of time, and what they are made of.
MODELS = [
    "+fs_publisher_day", "+feat_install_verdicts_by_publisher", "feat_click_by_ip",
    "feat_click_after_by_ip", "load_accounting",
]  # fmt: skip
BUILDER = "macros/days/build_by_day.sql"
# Planted: where a chunk has several parts, the first is forgotten.
PARTS = "range(chunk.parts if chunk.days else 0)"
FEWER_PARTS = "range(1 if chunk.parts > 1 else 0, chunk.parts if chunk.days else 0)"
JINJA = Environment(extensions=["jinja2.ext.do"], autoescape=False)
DAYS_MACROS = Path(__file__).parents[2] / "dbt_project" / "macros" / "days"
MACROS = JINJA.from_string(
    "".join((DAYS_MACROS / name).read_text() for name in ("chunks.sql", "part_bounds.sql"))
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chunks") / "reports"
    simulate(load_scenario("demo", days=DAYS, clicks=3000, seed=8), folder)
    return folder


@pytest.fixture(autouse=True)
def only_whole_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the project's tests those run whose models are all selected."""
    monkeypatch.setenv("DBT_INDIRECT_SELECTION", "cautious")


def in_chunks(project: Project, folder: Path) -> Project:
    """The project with chunks of about a day, in a few parts."""
    rows = with_fault(
        project, folder, "dbt_project.yml", "chunk_rows: 100000000", "chunk_rows: 800"
    )
    text = (rows.project_dir / "dbt_project.yml").read_text()
    assert text.count("part_rows: 10000000") == 1
    small = text.replace("part_rows: 10000000", "part_rows: 300")
    (rows.project_dir / "dbt_project.yml").write_text(small)
    return rows


def other_schema(
    project: Project, monkeypatch: pytest.MonkeyPatch, whole: Warehouse, name: str
) -> Warehouse:
    use_schema(monkeypatch, f"{whole.target.schema}_{name}")
    return connect(project)


def days_recorded(warehouse: Warehouse) -> dict[tuple[str, date], int]:
    """How often each day of each model was recorded as built."""
    rows = warehouse.client.query(
        f"select model, day, count() from {warehouse.table('raw', 'build_days')}"
        " where is_wanted group by model, day"
    ).result_rows
    return {(model, day): times for model, day, times in rows}


@pytest.mark.full
def test_chunks_bounds_and_a_stop_between_chunks_give_the_same_tables(
    project: Project, warehouse: Warehouse, world: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    run(project, "load", "appsflyer", world)
    build(warehouse, MODELS)
    whole = table_hashes(warehouse)
    assert whole["features.feat_install_verdicts_by_publisher"][0] > 100
    assert whole["features.fs_publisher_day"][0] > 20

    chunked = in_chunks(project, tmp_path / "chunked")
    parts = other_schema(chunked, monkeypatch, warehouse, "parts")
    run(chunked, "load", "appsflyer", world)
    # Bounds: these days and no others, and the project's tests hold.
    first, end = FIRST_DAY + timedelta(1), FIRST_DAY + timedelta(3)
    done = build(parts, MODELS, first_day=first, end_day=end)
    assert {one["model"] for one in done.days} >= {"clicks", "fs_publisher_day", "feat_click_by_ip"}
    within = days_recorded(parts)
    assert {day for model, day in within if model == "clicks"} == {first, first + timedelta(1)}
    assert all(first <= day < end for _, day in within)

    # A build that ends after its first chunk of windows.
    fault = "{% do report_days(chunks, counted.days) %}"
    halt = "{{ exceptions.raise_compiler_error('stopped') }}"
    stop = "{% if this.name == 'feat_click_by_ip' %}" + halt + "{% endif %}"
    stopping = with_fault(chunked, tmp_path / "stopping", BUILDER, fault, fault + stop)
    stopped = Warehouse(stopping, parts.target, parts.client)
    with pytest.raises(UserError, match="stopped"):
        build(stopped, ["clicks", "feat_click_by_ip"])
    halfway = days_recorded(parts)
    one_more = {key for key in halfway if key not in within and key[0] == "feat_click_by_ip"}
    assert len(one_more) == 1

    steps: list[Step] = []
    done = build(parts, MODELS, on_step=steps.append)
    resumed = {one["model"]: one for one in done.days}
    # What stood was not built again, but where the days before it changed: a window reaches one.
    again = {key for key, times in days_recorded(parts).items() if times > halfway.get(key, times)}
    assert not again & one_more
    assert {day for model, day in again if model == "feat_click_by_ip"} <= {first}
    assert not [day for model, day in again if model in ("clicks", "installs")]
    assert resumed["feat_click_by_ip"]["chunks"] > 1
    told = [step for step in steps if step.name == "feat_click_by_ip" and step.days_done]
    assert told[-1].days_done == told[-1].days == resumed["feat_click_by_ip"]["days"]
    assert table_hashes(parts) == whole
    assert leftovers(parts) == []

    # A full refresh is cut in chunks too.
    build(parts, ["feat_click_by_ip"], full_refresh=True)
    assert table_hashes(parts) == whole
    # Large files are not merged, in tables made anew as in those that stood.
    unlimited = parts.client.query(
        f"select name from system.tables where startsWith(database, '{parts.target.schema}_')"
        f" and name in (select model from {parts.table('raw', 'build_days')})"
        " and engine_full not like '%max_bytes_to_merge_at_max_space_in_pool = 100000000%'"
    ).result_rows
    assert unlimited == []
    assert build(parts, MODELS).days == []

    # A feature set in stretches of time, clicks by their id: a part forgotten is rows missing.
    fault = with_fault(project, tmp_path / "fault", BUILDER, PARTS, FEWER_PARTS)
    for name, part_rows in (("features.fs_publisher_day", 9), ("core.clicks", 150)):
        assert in_parts(parts, project, tmp_path / f"{name}_whole", name, part_rows) == whole[name]
        fewer = in_parts(parts, fault, tmp_path / f"{name}_fewer", name, part_rows)
        assert 0 < fewer[0] < whole[name][0]
    parts.close()


@pytest.mark.full
def test_a_build_that_was_ended_goes_on_with_the_next_part(
    project: Project, warehouse: Warehouse, world: Path, tmp_path: Path
) -> None:
    model = ["staging", "clicks", "feat_click_by_ip"]
    run(project, "load", "appsflyer", world)
    build(warehouse, model)
    whole = table_hashes(warehouse)

    def kept() -> dict[str, str]:
        rows = warehouse.client.query(
            "select name, toString(uuid) from system.tables"
            " where match(name, '^feat_click_by_ip__dbt_part_')"
        ).result_rows
        return dict(rows)

    def with_parts(name: str, *fault: str) -> Warehouse:
        folder = tmp_path / name
        small = with_fault(
            project, folder / "small", "dbt_project.yml", "part_rows: 10000000", "part_rows: 700"
        )
        return Warehouse(with_fault(small, folder / "fault", *fault) if fault else small,
                         warehouse.target, warehouse.client)  # fmt: skip

    def start_anew() -> None:
        warehouse.command(f"drop table {warehouse.table('features', 'feat_click_by_ip')} sync")

    keep = "{% do keep_part(new_data, part_sql, has_contract, chunk) %}"
    halt = "{{ exceptions.raise_compiler_error('stopped') }}"
    stop = "{% if part == 2 and this.name == 'feat_click_by_ip' %}" + halt + "{% endif %}"
    stopping = with_parts("stopping", BUILDER, keep, keep + stop)
    start_anew()
    with pytest.raises(UserError, match="stopped"):
        build(stopping, model)
    first = kept()
    # Three parts, and the rows of the chunk.
    assert len(first) == 4
    # Ended once more, at the same place: the parts that stand are taken as they are.
    with pytest.raises(UserError, match="stopped"):
        build(stopping, model)
    assert kept() == first
    # A part whose rows were changed shows in the table: it was not built again.
    one, *_ = (name for name in first if "_part_rows_" not in name)
    features = warehouse.target.database("features")
    warehouse.command(f"alter table {features}.{one} delete where 1 settings mutations_sync = 2")
    build(with_parts("resumed"), model)
    resumed = table_hashes(warehouse)["features.feat_click_by_ip"]
    assert 0 < resumed[0] < whole["features.feat_click_by_ip"][0]
    assert kept() == {}

    # Parts of inputs that have changed since are not taken.
    start_anew()
    with pytest.raises(UserError, match="stopped"):
        build(stopping, model)
    simulate(load_scenario("demo", days=DAYS, clicks=1000, seed=9), tmp_path / "late")
    run(project, "load", "appsflyer", tmp_path / "late")
    build(with_parts("changed"), model)
    assert kept() == {}
    assert leftovers(warehouse) == []
    in_steps = table_hashes(warehouse)
    assert in_steps["core.clicks"] != whole["core.clicks"]
    build(warehouse, ["feat_click_by_ip"], full_refresh=True)
    assert table_hashes(warehouse) == in_steps


def in_parts(
    parts: Warehouse, project: Project, folder: Path, name: str, part_rows: int
) -> tuple[int, int]:
    """Rows and hash of a table built anew with so many rows a part, in chunks as they come."""
    small = with_fault(
        project, folder, "dbt_project.yml", "part_rows: 10000000", f"part_rows: {part_rows}"
    )
    models = [name.split(".")[1]]
    build(Warehouse(small, parts.target, parts.client), models, full_refresh=True)
    return table_hashes(parts)[name]


def chunk_macros(variables: dict[str, int] | None = None) -> Any:
    """The macros as Jinja alone reads them, of a model named `model`."""
    dbt = {
        "return": str, "var": (variables or {}).get, "this": {"name": "model"},
        "modules": {"datetime": datetime_module},
    }  # fmt: skip
    return MACROS.make_module(dbt)


def begins(rows_of_days: dict[str, int], part: int, parts: int) -> datetime:
    """When a part begins, as the macro says it."""
    chunk = {"days": list(rows_of_days), "rows_of_days": rows_of_days, "parts": parts}
    told = chunk_macros().part_begins(chunk, part).strip()
    found = re.fullmatch(r"toDateTime64\('(.+)', 3, 'UTC'\) \+ toIntervalSecond\((\d+)\)", told)
    assert found, told
    return datetime.fromisoformat(found[1]).replace(tzinfo=UTC) + timedelta(seconds=int(found[2]))


@given(st.lists(st.integers(0, 10_000_000), min_size=1, max_size=12), st.integers(2, 40))
def test_parts_hold_equal_shares(day_rows: list[int], parts: int) -> None:
    """Counted here by walking along days whose rows come evenly, gaps of days left out."""
    first = date(2026, 1, 1)
    days = [first + timedelta(2 * place) for place in range(len(day_rows))]
    rows_of_days = {str(day): rows for day, rows in zip(days, day_rows, strict=True)}
    starts = [begins(rows_of_days, part, parts) for part in range(1, parts)]
    assert starts == sorted(starts)
    for part, start in enumerate(starts, start=1):
        whole = sum(rows for day, rows in zip(days, day_rows, strict=True) if day < start.date())
        of_day = rows_of_days.get(str(start.date()), 0)
        passed = (start - datetime.combine(start.date(), datetime.min.time(), UTC)).seconds
        before = whole + of_day * passed / 86_400
        # A second's rows are the most that rounding leaves.
        assert before == pytest.approx(sum(day_rows) * part / parts, abs=of_day / 86_400 + 1)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 500)), min_size=1, max_size=12))
def test_parts_count_the_days_that_windows_reach_once(days: list[tuple[bool, int]]) -> None:
    """Counted here as a set of days: those planned, and for a window of a day those before them."""
    first, part_rows = date(2026, 1, 1), 100
    own = {first + timedelta(place): rows for place, (_, rows) in enumerate(days)}
    planned = [day for day, (is_planned, _) in zip(own, days, strict=True) if is_planned]
    plan = [
        (str(day), "1", True, False, own[day], own[day] + own.get(day - timedelta(1), 0))
        for day in planned
    ]
    read = {day - timedelta(reach) for day in planned for reach in (0, 1)}
    wanted = max(1, -(-sum(own.get(day, 0) for day in read) // part_rows))
    told = chunk_macros({"chunk_rows": 100_000, "part_rows": part_rows}).chunk_entries(plan, True)
    entries = [entry.strip("()").split(", ") for entry in literal_eval(told.strip())]
    assert [entry[1] for entry in entries] == [f"'{day}'" for day in planned]
    assert {(entry[4], entry[5]) for entry in entries} <= {("0", str(wanted))}


def test_a_part_left_out_shows(
    project: Project, warehouse: Warehouse, world: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The comparison of chunks can fail."""
    run(project, "load", "appsflyer", world)
    models = ["+feat_click_by_ip"]
    build(warehouse, models)
    chunked = in_chunks(project, tmp_path / "chunked")
    only = "chunk.parts > 1 and this.name == 'feat_click_by_ip'"
    of_one = FEWER_PARTS.replace("chunk.parts > 1", only)
    fault = with_fault(chunked, tmp_path / "fault", BUILDER, PARTS, of_one)
    parts = other_schema(fault, monkeypatch, warehouse, "parts")
    run(fault, "load", "appsflyer", world)
    build(parts, models)
    name = "features.feat_click_by_ip"
    assert table_hashes(parts)["core.clicks"] == table_hashes(warehouse)["core.clicks"]
    assert 0 < table_hashes(parts)[name][0] < table_hashes(warehouse)[name][0]
    parts.close()


def test_bounds_that_hold_no_day_are_refused(project: Project, warehouse: Warehouse) -> None:
    with pytest.raises(UserError, match="no day is from 2026-01-03 on and before 2026-01-03"):
        run(project, "build", "--from", "2026-01-03", "--to", "2026-01-03")
    with pytest.raises(UserError, match="a full refresh builds every day"):
        run(project, "build", "--from", "2026-01-03", "--full-refresh")


def test_a_query_may_name_years_of_days(warehouse: Warehouse) -> None:
    days = ", ".join(f"toDate({day})" for day in range(20_000))
    assert len(days) > 262_144  # the engine's own limit of a query
    assert warehouse.scalar(f"select count() from numbers(9) where toDate(number) in ({days})") == 9
