"""dbt, run in this process so that the store has one holder."""

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import date
from typing import Any

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import Project, read_target

FAILED = ("error", "fail", "runtime error")
# What the macro `report_days` begins its lines with.
DAYS_BUILT = "days built: "


@dataclass(frozen=True)
class Step:
    """A node that ended (`days_done` is None), or a chunk of days of a model that is built."""

    name: str
    days_done: int | None = None
    days: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Build:
    """What one build did: nodes by outcome, and the days and chunks each model wrote."""

    passed: int
    failed: int
    days: list[dict[str, Any]]


def run_dbt(
    project: Project, words: Sequence[str], on_event: Callable[[Any], None] | None = None
) -> Any:
    """Run `dbt WORDS` on the project and return its result. dbt's own talk goes to its log file.

    Raises `UserError` with the messages of the nodes that failed.
    """
    from dbt.cli.main import dbtRunner

    target = read_target(project)
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


def build(
    warehouse: Warehouse,
    select: Sequence[str] = (),
    full_refresh: bool = False,
    on_step: Callable[[Step], None] | None = None,
    first_day: date | None = None,
    end_day: date | None = None,
) -> Build:
    """Bring every model up to date and test it; returns what was written.

    `select` takes dbt's selectors. Only days in [`first_day`, `end_day`) are built where they
    are given; others stay as they are and are found by a later build. `on_step` hears of each
    finished node and each finished chunk of days. Raises `UserError` where the bounds hold no
    day, where a full refresh is bounded, and where a node fails.
    """
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
    given = {name: str(day) for name, day in bounds.items() if day is not None}
    words = ["build", *(["--full-refresh"] if full_refresh else [])]
    if given:
        words += ["--vars", json.dumps(given)]
    if select:
        words += ["--select", *select]
    started = warehouse.scalar("select now64(3, 'UTC')")
    result = run_dbt(warehouse.project, words, _listener(on_step))
    statuses = [str(one.status) for one in result.results]
    return Build(
        passed=sum(status in ("success", "pass") for status in statuses),
        failed=sum(status in FAILED for status in statuses),
        days=_days_written_since(warehouse, started),
    )


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
