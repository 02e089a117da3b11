"""`clickward block`: who should be blocked, who is, and who decided so."""

from datetime import date
from typing import Annotated

import typer

from clickward.cli.options import Json, on_project
from clickward.cli.output import print_json, print_table, say
from clickward.warehouse.errors import UsageError
from clickward.warehouse.profile import Project

COLUMNS = (
    "candidate_id",
    "state",
    "is_control",
    "app_id",
    "publisher",
    "subpublisher",
    "flagged_installs",
    "scored_installs",
    "flagged_share_low",
    "spend_at_risk",
    "currency",
    "unconverted_at_risk",
    "reason",
)
Ids = Annotated[list[str], typer.Argument(help="Ids that `block list` gives.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the decision.")]


@on_project
def list_command(
    project: Project,
    state: Annotated[
        str | None, typer.Option("--state", help="Only shadow, active or expired ones.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List candidates for the block list with their evidence, the most spend at risk first.

    A candidate is shadow until someone approves it. Those marked is_control are never blocked, so
    that verdicts on traffic like theirs keep coming. Spend at risk leaves out the flagged installs
    counted as unconverted: no rate of the seed exchange_rates converts their payout.

    \b
    Examples:
      clickward block list --state shadow
      clickward block list --state active --json > blocked.json
    """
    from clickward.analysis.decisions.blocklist import STATES, list_candidates
    from clickward.warehouse.connection import connection

    if state is not None and state not in STATES:
        raise UsageError(f"no state is called {state!r}", f"states are {', '.join(STATES)}")
    with connection(project) as warehouse:
        found = list_candidates(warehouse, state)
    if as_json:
        print_json(found.to_dicts())
        return
    if found.is_empty():
        say("no candidate: nothing scored is flagged often enough")
    print_table(COLUMNS, found.select(COLUMNS).iter_rows())


@on_project
def approve_command(
    project: Project,
    candidates: Ids,
    reason: Reason,
    from_: Annotated[
        str | None, typer.Option("--from", help="First day blocked; default the day after judged.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Last day blocked; default until expired.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Put candidates on the block list; who, when and why are kept.

    \b
    Example:
      clickward block approve 6d92ebfbad24b7b0 --reason "injection, agreed with the network"
    """
    _decide(project, candidates, "approve", reason, _day(from_), _day(until), as_json)


@on_project
def expire_command(
    project: Project,
    candidates: Ids,
    reason: Reason,
    last_day: Annotated[
        str | None, typer.Option("--last-day", help="Last day blocked; default: the last judged.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take sources off the block list; the decision that put them there stays readable.

    \b
    Example:
      clickward block expire 6d92ebfbad24b7b0 --reason "the publisher removed the site"
    """
    _decide(project, candidates, "expire", reason, None, _day(last_day), as_json)


def _decide(
    project: Project,
    candidates: list[str],
    decision: str,
    reason: str,
    first: date | None,
    last: date | None,
    as_json: bool,
) -> None:
    from clickward.analysis.decisions.blocklist import decide
    from clickward.warehouse.connection import connection

    with connection(project) as warehouse:
        written = decide(warehouse, candidates, decision, reason, first, last)
    if as_json:
        print_json(written.drop("evidence").to_dicts())
        return
    for row in written.to_dicts():
        until = f" until {row['valid_to']}" if row["valid_to"] else ""
        name = " ".join(filter(None, (row["app_id"], row["publisher"], row["subpublisher"])))
        say(f"{decision}d {row['candidate_id']} ({name}) from {row['valid_from']}{until}")


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not a day", "write it as 2026-02-28") from error


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(
        help="List, approve and expire sources to block.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command("list")(list_command)
    group.command("approve")(approve_command)
    group.command("expire")(expire_command)
    app.add_typer(group, name="block")
