"""dbt, run in this process so that the store has one holder."""

import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

from warehouse.connection import Warehouse
from warehouse.errors import UserError
from warehouse.profile import Project, read_target

FAILED = ("error", "fail", "runtime error")


@dataclass(frozen=True)
class Build:
    """What one build did: nodes by outcome, and the days each model wrote."""

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
    on_node: Callable[[str], None] | None = None,
) -> Build:
    """Bring every model up to date and test it; returns what was written.

    `select` takes dbt's selectors. `on_node` hears the name of each finished node.
    """

    def hear(event: Any) -> None:
        if on_node is not None and event.info.name == "NodeFinished":
            on_node(event.data.node_info.node_name)

    words = ["build", *(["--full-refresh"] if full_refresh else [])]
    if select:
        words += ["--select", *select]
    started = warehouse.scalar("select now64(3, 'UTC')")
    result = run_dbt(warehouse.project, words, hear)
    statuses = [str(one.status) for one in result.results]
    return Build(
        passed=sum(status in ("success", "pass") for status in statuses),
        failed=sum(status in FAILED for status in statuses),
        days=_days_written_since(warehouse, started),
    )


def _days_written_since(warehouse: Warehouse, started: Any) -> list[dict[str, Any]]:
    """Model, days, rows, first and last day of everything recorded since `started`."""
    if not warehouse.has_table("raw", "build_days"):
        return []
    return warehouse.query(
        f"""
        select
            model, count() as days, sum(rows) as rows, min(day) as first_day, max(day) as last_day
        from {warehouse.table("raw", "build_days")}
        where built_at >= {{started:DateTime64(3, 'UTC')}}
        group by model order by min(built_at), model
        """,
        started=started,
    ).to_dicts()
