"""dbt, run in this process so that the store has one holder."""

from collections.abc import Sequence
from typing import Any

from warehouse.errors import UserError
from warehouse.profile import Project, read_target


def run_dbt(project: Project, words: Sequence[str], quiet: bool = True) -> Any:
    """Run `dbt WORDS` on the project and return its result.

    Raises `UserError` with the failing nodes' messages. Talk goes to stderr only.
    """
    from dbt.cli.main import dbtRunner

    target = read_target(project)
    arguments = [
        *(["--quiet"] if quiet else []),
        "--no-use-colors",
        *words,
        "--project-dir",
        str(project.project_dir),
        "--profiles-dir",
        str(project.profiles_dir),
        "--target",
        target.name,
    ]
    outcome = dbtRunner().invoke(arguments)
    if outcome.success:
        return outcome.result
    if outcome.exception is not None:
        raise UserError(f"dbt {words[0]} failed: {outcome.exception}") from outcome.exception
    failures = [
        f"{result.node.name}: {(result.message or result.status).strip()}"
        for result in outcome.result.results
        if result.status in ("error", "fail", "runtime error")
    ]
    raise UserError(
        f"dbt {words[0]} failed in {len(failures)} node(s):\n  " + "\n  ".join(failures[:10]),
        f"see {project.project_dir / 'logs' / 'dbt.log'}",
    )
