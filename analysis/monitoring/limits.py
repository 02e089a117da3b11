"""The limits of `clickward monitor`: vars of the dbt project, overridden by options."""

from collections.abc import Sequence
from typing import Any

from clickward.warehouse.errors import UsageError
from clickward.warehouse.profile import Project
from clickward.warehouse.yaml_text import read_yaml

PREFIX = "monitor_"


def read_limits(project: Project, changes: Sequence[str] = ()) -> dict[str, float]:
    """Limits by name without the prefix, from `vars` of dbt_project.yml, then from `NAME=VALUE`.

    Raises `UsageError` naming the limits there are.
    """
    stated: dict[str, Any] = read_yaml(project.project_dir / "dbt_project.yml")
    limits = {
        name.removeprefix(PREFIX): float(value)
        for name, value in stated.get("vars", {}).items()
        if name.startswith(PREFIX)
    }
    for change in changes:
        name, _, value = change.partition("=")
        if name not in limits:
            raise UsageError(f"no limit is called {name!r}", f"limits are {', '.join(limits)}")
        try:
            limits[name] = float(value)
        except ValueError as error:
            raise UsageError(
                f"--limit {change!r} gives no number", f"write it as {name}={limits[name]:g}"
            ) from error
    return limits
