"""`clickward monitor`: are data and models as they should be, for people and schedulers."""

from typing import Annotated

import typer

from clickward.cli.options import Json, on_project
from clickward.cli.output import print_json, print_table, say
from clickward.warehouse.profile import Project

COLUMNS = ("check", "subject", "state", "value", "limit", "seen")


@on_project
def monitor(
    project: Project,
    now: Annotated[
        str | None, typer.Option("--now", help="Judge as of this instant (UTC); default: now.")
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option("--limit", help="NAME=VALUE: another limit, such as max_age_hours=48."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Hold freshness, volume, drift, score distribution and model quality against limits.

    Limits are the vars monitor_... of dbt_project/dbt_project.yml. What has nothing to be judged
    by yet is unknown, and alarms nobody.

    \b
    Exit codes:
      0   all is well
      10  stale: data or scores are too old, or the last build did not pass
      11  volume: far fewer or more rows on the last whole day than usual
      12  drift: features differ from those the model learned from
      13  score distribution: scores differ from those of the days before
      14  model quality: recall or precision on matured verdicts is below its limit
      1, 2, 3  nothing was judged: a problem of data, usage or connection
    Of several alarms the first in this order gives the code; --json and stdout list all.

    \b
    Examples:
      clickward monitor
      clickward monitor --limit max_age_hours=48 --json
      clickward monitor --now 2026-01-29T06:00:00
    """
    from clickward.analysis.monitoring.findings import State, exit_code
    from clickward.analysis.monitoring.limits import read_limits
    from clickward.analysis.monitoring.run import judge
    from clickward.warehouse.connection import connection
    from clickward.warehouse.durations import parse_bound, utc_now

    limits = read_limits(project, limit or [])
    at = parse_bound(now) or utc_now()
    with connection(project) as warehouse:
        findings = judge(warehouse, limits, at)
    code = exit_code(findings)
    if as_json:
        print_json(
            {
                "is_well": code == 0,
                "exit_code": code,
                "now": at.isoformat(),
                "findings": [vars(finding) for finding in findings],
            }
        )
    else:
        print_table(COLUMNS, [[getattr(f, name) for name in COLUMNS] for f in findings])
    for finding in findings:
        if finding.state is State.ALARM:
            say(f"alarm: {finding.check}, {finding.subject}: {finding.seen}")
            say(f"hint: {finding.advice}")
    if code:
        raise typer.Exit(code)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("monitor")(monitor)
