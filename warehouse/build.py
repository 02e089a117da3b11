"""dbt, run in this process so that the store has one holder."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from clickward.warehouse.build_inputs import TESTS_ALL, TESTS_AMONG, beside_files
from clickward.warehouse.build_states import Standing, keep, prepare, standing
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UsageError, UserError
from clickward.warehouse.hash_key import keep_hash_key_of
from clickward.warehouse.log import log, takes_say
from clickward.warehouse.profile import Project, read_target
from clickward.warehouse.yaml_text import parse_yaml

# Commands of dbt before which the macro `create_sources` runs.
KEEPS_KEY = ("run", "build", "test", "seed", "run-operation")
FAILED = ("error", "fail", "runtime error")
# What the macro `report_days` begins its lines with.
DAYS_BUILT = "days built: "
# The code by which the materialization `test` answers for a test that need not run again.
UNCHANGED = "UNCHANGED"


@dataclass(frozen=True)
class Step:
    """A node that ended (`days_done` is None), or a chunk of days of a model that is built."""

    name: str
    days_done: int | None = None
    days: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Build:
    """What one build did: nodes by outcome, and the days and chunks each model wrote.

    `unchanged` counts tests that were taken as passed, and everything where nothing ran at all:
    `since` then tells when the build began that nothing has changed since.
    """

    passed: int
    failed: int
    days: list[dict[str, Any]]
    unchanged: int = 0
    since: datetime | None = None


def run_dbt(
    project: Project, words: Sequence[str], on_event: Callable[[Any], None] | None = None
) -> Any:
    """Run `dbt WORDS` on the project and return its result. dbt's own talk goes to its log file.

    Raises `UserError` with the messages of the nodes that failed, `KeyboardInterrupt` for Ctrl-C.
    """
    from dbt.cli.main import dbtRunner

    target = read_target(project)
    if words[0] in KEEPS_KEY and not target.is_embedded:
        keep_hash_key_of(project)
    arguments = [
        "--log-level",
        "none",
        "--log-level-file",
        "debug",
        "--no-use-colors",
        *words,
        "--project-dir",
        str(project.project_dir),
        "--profiles-dir",
        str(project.profiles_dir),
        "--target",
        target.name,
    ]
    with redirect_stdout(sys.stderr):
        outcome = dbtRunner(callbacks=[on_event] if on_event else []).invoke(arguments)
    if outcome.success:
        return outcome.result
    if isinstance(outcome.exception, KeyboardInterrupt):
        raise outcome.exception
    log = f"see {project.log_path}"
    if outcome.exception is not None:
        raise UserError(f"dbt {words[0]} failed: {outcome.exception}", log) from outcome.exception
    failures = [
        f"{result.node.name}: {' '.join((result.message or result.status).split())[:600]}"
        for result in outcome.result.results
        if result.status in FAILED
    ]
    hint = log
    if any("schema" in failure and "on_schema_change" in failure for failure in failures):
        hint = "a changed contract needs `clickward build --select MODEL+ --full-refresh`; " + log
    raise UserError(
        f"dbt {words[0]} failed in {len(failures)} place(s):\n  " + "\n  ".join(failures[:10]), hint
    )


def render(project: Project, jinja: str) -> str:
    """SQL that dbt makes of `jinja` with the project's macros."""
    try:
        outcome = run_dbt(project, ["compile", "--inline", jinja, "--no-populate-cache"])
    except UserError as error:
        # dbt says only that the query does not parse; why is in the exception before that.
        reason = error.__cause__ and error.__cause__.__context__
        raise UserError(f"{error}: {reason}" if reason else str(error), error.hint) from error
    return str(outcome.results[0].node.compiled_code)


@takes_say
def build(
    warehouse: Warehouse,
    select: Sequence[str] = (),
    full_refresh: bool = False,
    on_step: Callable[[Step], None] | None = None,
    first_day: date | None = None,
    end_day: date | None = None,
    variables: Mapping[str, Any] | None = None,
    run_tests: bool = False,
) -> Build:
    """Bring every model up to date and test it; returns what was written.

    Ends at once where nothing has changed since a build that passed, unless models are selected,
    refreshed or bounded, or `run_tests` asks for every test. `select` takes dbt's selectors. Only
    days in [`first_day`, `end_day`) are built where they are given; others stay as they are and
    are found by a later build. `variables` are dbt's. `on_step` hears of each finished node and
    each finished chunk of days. Raises `UserError` where the bounds hold no day, where a full
    refresh is bounded, where `select` selects nothing, and where a node fails.
    """
    given = dict(variables or {}) | _bounds(first_day, end_day, full_refresh)
    is_bounded = bool({"build_from", "build_to"} & given.keys())
    before = standing(warehouse, given)
    is_whole = not (select or full_refresh or is_bounded)
    if is_whole and not run_tests and before.is_current and before.record is not None:
        return Build(0, 0, [], before.record.nodes, before.record.started_at)
    if is_whole and (text := str(before)):
        log(text)
    prepare(warehouse)
    started = warehouse.scalar("select now64(3, 'UTC')")
    with _unchanged_tests(warehouse, before, run_tests):
        words = _words(select, full_refresh, given)
        results = run_dbt(warehouse.project, words, _listener(on_step)).results
    if not is_bounded:
        keep(warehouse, before, {r.node.unique_id: str(r.status) for r in results}, started)
    if select and all(one.node.resource_type == "operation" for one in results):
        raise UsageError(
            f"no model is selected by {' '.join(select)}",
            "see `dbt ls` for names, and docs/reference/cli.md for selectors",
        )
    statuses = [str(one.status) for one in results if one.node.resource_type != "operation"]
    taken = sum(one.adapter_response.get("code") == UNCHANGED for one in results)
    return Build(
        passed=sum(status in ("success", "pass") for status in statuses) - taken,
        failed=sum(status in FAILED for status in statuses),
        days=_days_written_since(warehouse, started),
        unchanged=taken,
    )


def _words(select: Sequence[str], full_refresh: bool, variables: Mapping[str, Any]) -> list[str]:
    """The command as dbt takes it."""
    words = ["build", *(["--full-refresh"] if full_refresh else [])]
    if variables:
        words += ["--vars", json.dumps(variables, default=str)]
    return words + (["--select", *select] if select else [])


def parse_variables(text: str) -> dict[str, Any]:
    """Variables as dbt takes them: a mapping in YAML."""
    found = parse_yaml(text, f"--vars {text[:200]!r}")
    if not isinstance(found, dict):
        raise UsageError(f"--vars {text!r} is no mapping", "write --vars '{raw_ttl_days: 30}'")
    return {str(name): value for name, value in found.items()}


def _bounds(first_day: date | None, end_day: date | None, full_refresh: bool) -> dict[str, str]:
    """The bounds as variables of dbt."""
    if first_day is not None and end_day is not None and first_day >= end_day:
        raise UserError(
            f"no day is from {first_day} on and before {end_day}",
            "--to is excluded: name the day after the last",
        )
    if full_refresh and (first_day or end_day):
        raise UserError(
            "a full refresh builds every day, for its columns may differ from those that stand",
            "leave out --from and --to, or --full-refresh",
        )
    bounds = {"build_from": first_day, "build_to": end_day}
    return {name: str(day) for name, day in bounds.items() if day is not None}


@contextmanager
def _unchanged_tests(warehouse: Warehouse, before: Standing, run_all: bool) -> Iterator[None]:
    """Ask the project's macros to take tests as passed whose data have not changed since."""
    if warehouse.target.options.get("cluster"):
        yield
        return
    os.environ[TESTS_AMONG] = beside_files(before.parts)
    os.environ[TESTS_ALL] = "1" if run_all else ""
    try:
        yield
    finally:
        del os.environ[TESTS_AMONG], os.environ[TESTS_ALL]


def _listener(on_step: Callable[[Step], None] | None) -> Callable[[Any], None] | None:
    """dbt's events as steps."""
    if on_step is None:
        return None

    def hear(event: Any) -> None:
        if event.info.name == "NodeFinished":
            on_step(Step(event.data.node_info.node_name))
        elif event.info.name == "JinjaLogDebug" and event.data.msg.startswith(DAYS_BUILT):
            told = json.loads(event.data.msg.removeprefix(DAYS_BUILT))
            on_step(Step(told["model"], told["done"], told["of"], told["rows"]))

    return hear


def _days_written_since(warehouse: Warehouse, started: Any) -> list[dict[str, Any]]:
    """Model, days, chunks, rows, first and last day of everything recorded since `started`."""
    if not warehouse.has_table("raw", "build_days"):
        return []
    return warehouse.query(
        f"""
        select
            model,
            uniqExact(day) as days,
            uniqExact(built_at) as chunks,
            sum(rows) as rows,
            min(day) as first_day,
            max(day) as last_day
        from {warehouse.table("raw", "build_days")}
        where built_at >= {{started:DateTime64(3, 'UTC')}} and is_wanted
        group by model order by min(built_at), model
        """,
        started=started,
    ).to_dicts()
