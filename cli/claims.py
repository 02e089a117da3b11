"""`clickward claims`: claim flagged installs back from a network, and note what it answered."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from clickward.cli.options import Json, finite, on_project
from clickward.cli.output import print_json, print_table, say
from clickward.warehouse.errors import UsageError
from clickward.warehouse.profile import Project

COLUMNS = (
    "claim_id",
    "network",
    "month",
    "installs",
    "amount",
    "currency",
    "unconverted",
    "accepted_installs",
    "accepted_amount",
    "claimed_by",
)


@on_project
def export_command(
    project: Project,
    network: Annotated[str, typer.Option("--network", help="Publisher to claim from.")],
    month: Annotated[str, typer.Option("--month", help="Month of the installs: 2026-01.")],
    out: Annotated[Path, typer.Option("--out", help="File to write: .csv or .xlsx.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the claim.")] = "",
    as_json: Json = False,
) -> None:
    """Claim the flagged installs of a network and month, with evidence that stays as it is now.

    Each row holds the install's times, click-to-install time, campaign, site, country, subnet,
    device, score, reasons and whether the attribution vendor said fraud too; its payout as stated,
    with its currency, and in the currency of the marts where a rate of the seed exchange_rates
    converts it. Installs that the vendor blocked are not paid and not claimed, and none is claimed
    twice. Text that a spreadsheet would run as a formula is text in both formats.

    \b
    Examples:
      clickward claims export --network pushwave_int --month 2026-01 --out pushwave-2026-01.xlsx
      clickward claims export --network nusaads_int --month 2026-01 --out claim.csv --json
    """
    from clickward.analysis.decisions.claims import amount_text, make_claim, total_of
    from clickward.warehouse.connection import connection

    first = parse_month(month)
    with connection(project) as warehouse:
        claim_id, rows = make_claim(warehouse, network, first, out, reason)
    total = total_of(rows)
    if as_json:
        print_json({"claim_id": claim_id, "installs": rows.height, **vars(total), "file": str(out)})
        return
    say(
        f"claimed {rows.height:,} installs for {amount_text(total.amount, total.currency)} in {out}"
    )
    if total.unconverted:
        stated = ", ".join(amount_text(amount, name) for name, amount in total.stated.items())
        say(
            f"no rate converts {total.unconverted:,} of them into {total.currency}, and the amount"
            f" leaves them out; as stated: {stated}"
        )
    print(claim_id)


@on_project
def list_command(project: Project, as_json: Json = False) -> None:
    """List claims and what networks accepted, in each claim's currency.

    Unconverted counts installs whose payout no rate converted: the amount leaves them out.

    \b
    Example:
      clickward claims list --json
    """
    from clickward.analysis.decisions.claims import list_claims
    from clickward.warehouse.connection import connection

    with connection(project) as warehouse:
        found = list_claims(warehouse)
    if as_json:
        print_json(found.to_dicts())
        return
    print_table(COLUMNS, found.select(COLUMNS).iter_rows())


@on_project
def settle_command(
    project: Project,
    claim: Annotated[str, typer.Argument(help="Claim id, as `claims list` gives it.")],
    installs: Annotated[int, typer.Option("--installs", help="Installs the network accepted.")],
    amount: Annotated[
        float,
        typer.Option(
            "--amount", callback=finite, help="Amount it credits, in the claim's currency."
        ),
    ],
    reason: Annotated[str, typer.Option("--reason", help="What it said.")] = "",
) -> None:
    """Note a network's answer to a claim; a later answer replaces an earlier one.

    \b
    Example:
      clickward claims settle 3f0c9a51b7de --installs 41 --amount 68.20 --reason "7 disputed"
    """
    from clickward.analysis.decisions.claims import settle_claim
    from clickward.warehouse.connection import connection

    with connection(project) as warehouse:
        settle_claim(warehouse, claim, installs, amount, reason)
    say(f"claim {claim}: {installs:,} installs and {amount:,.2f} accepted")


def parse_month(text: str) -> date:
    """`2026-01` as its first day. Raises `UsageError` for anything else."""
    try:
        month = date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise UsageError(f"{text!r} is not a month", "write it as 2026-01") from error
    if not 1970 <= month.year < 2149:
        raise UsageError(f"no install can be of {text}", "days of tables are from 1970 to 2148")
    return month


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(
        help="Claim flagged installs back from networks.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command("export")(export_command)
    group.command("list")(list_command)
    group.command("settle")(settle_command)
    app.add_typer(group, name="claims")
