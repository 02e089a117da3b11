"""Claims: flagged installs of a network and month, frozen with their evidence and exported."""

import getpass
import math
import uuid
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from clickward.analysis.spreadsheets import write_csv, write_xlsx
from clickward.models_ml.dataset.reading import INSTANT
from clickward.models_ml.evaluation.economics import one_currency
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.durations import utc_now
from clickward.warehouse.errors import UsageError, UserError
from clickward.warehouse.run_log import delete_rows, ensure_ml_tables, one_row

FORMATS = (".csv", ".xlsx")
IS_UNCONVERTED = pl.col("payout").is_null() & pl.col("payout_stated").is_not_null()


@dataclass(frozen=True)
class Total:
    """What a claim's rows come to: `amount` of those whose payout a rate converts into `currency`.

    `amount` is None where no rate converts any; `unconverted` rows are left out of it, and `stated`
    holds what all rows state, by currency ("" where none is stated).
    """

    amount: float | None
    currency: str
    unconverted: int
    stated: dict[str, float]


def total_of(rows: pl.DataFrame) -> Total:
    """The total of claim rows, at least one, as `make_claim` returns them."""
    unconverted = rows.filter(IS_UNCONVERTED).height
    known = rows["payout"].drop_nulls()
    stated = (
        rows.filter(pl.col("payout_stated").is_not_null())
        .group_by(pl.col("payout_currency").fill_null("").alias("stated_in"))
        .agg(pl.col("payout_stated").sum().round(6))
        .sort("stated_in")
    )
    return Total(
        None if unconverted and known.is_empty() else round(float(known.sum()), 6),
        str(rows["currency"][0]),
        unconverted,
        dict(stated.iter_rows()),
    )


def make_claim(
    warehouse: Warehouse, network: str, month: date, out: Path, reason: str
) -> tuple[str, pl.DataFrame]:
    """Freeze every unclaimed flagged install of `network` and `month`, and write them to `out`.

    Installs the vendor blocked are not paid and not claimed; none is claimed twice. The file is
    written first and the claim's row last: a claim counts once it stands in `ml.claims`. Each row
    has its payout as stated, and in the currency of the marts where a rate converts it. Returns
    the claim's id and its rows. Raises `UserError` where nothing is left to claim.
    """
    check_format(out)
    ensure_ml_tables(warehouse)
    drop_unfinished(warehouse)
    rows = _claimable(warehouse, network, month)
    if one_currency(rows["currency"]) is None:
        raise UserError(
            f"no unclaimed install of {network} in {month:%Y-%m} is flagged",
            "see `clickward claims list`, or score the month with `clickward score fs_install`",
        )
    claim_id, total = uuid.uuid4().hex[:12], total_of(rows)
    frozen = rows.with_columns(claim_id=pl.lit(claim_id))
    warehouse.insert(warehouse.table("ml", "claim_rows"), frozen.drop("currency"))
    write_claim(frozen, out)
    claim = {
        "claim_id": claim_id,
        "network": network,
        "month": month.replace(day=1),
        "installs": frozen.height,
        "amount": total.amount or 0.0,
        "currency": total.currency,
        "reason": reason,
        "claimed_by": getpass.getuser(),
        "claimed_at": utc_now(),
    }
    warehouse.insert(
        warehouse.table("ml", "claims"),
        one_row(claim, installs=pl.UInt64, month=pl.Date, claimed_at=INSTANT),
    )
    return claim_id, frozen


def list_claims(warehouse: Warehouse) -> pl.DataFrame:
    """Every claim with the network's latest answer, the latest claim first.

    Amounts are in `currency`; `unconverted` installs are left out of `amount`, which is null where
    no rate converted any.
    """
    ensure_ml_tables(warehouse)
    return warehouse.query(
        f"""
        select
            claims.claim_id as claim_id, toString(claims.network) as network,
            claims.month as month, claims.installs as installs,
            if(evidence.left_out > 0 and evidence.priced = 0, null, claims.amount) as amount,
            toString(claims.currency) as currency, evidence.left_out as unconverted,
            claims.claimed_by as claimed_by,
            claims.claimed_at as claimed_at,
            outcomes.installs_accepted as accepted_installs,
            outcomes.amount_accepted as accepted_amount
        from {warehouse.table("ml", "claims")} as claims
        left join (
            select
                claim_id,
                argMax(accepted_installs, settled_at) as installs_accepted,
                argMax(accepted_amount, settled_at) as amount_accepted
            from {warehouse.table("ml", "claim_outcomes")} group by claim_id
        ) as outcomes on outcomes.claim_id = claims.claim_id
        left join (
            select
                claim_id, count(payout) as priced,
                countIf(payout is null and payout_stated is not null) as left_out
            from {warehouse.table("ml", "claim_rows")} group by claim_id
        ) as evidence on evidence.claim_id = claims.claim_id
        order by claimed_at desc, claim_id
        """
    )


def settle_claim(
    warehouse: Warehouse, claim_id: str, installs: int, amount: float, reason: str
) -> None:
    """Write down a network's answer, `amount` in the claim's currency.

    Raises `UserError` where it accepts more than was claimed; of a claim with installs that no rate
    converted, that is known of installs only.
    """
    found = list_claims(warehouse).filter(pl.col("claim_id") == claim_id)
    if found.is_empty():
        raise UserError(f"no claim {claim_id!r}", "see `clickward claims list`")
    claim = found.row(0, named=True)
    most = math.inf if claim["unconverted"] else claim["amount"] + 1e-6
    if not 0 <= installs <= claim["installs"] or not (0 <= amount <= most and amount < math.inf):
        raise UserError(
            f"claim {claim_id} is for {claim['installs']:,} installs and"
            f" {amount_text(claim['amount'], claim['currency'])},"
            f" found {installs:,} and {amount:,.2f}",
            "no network accepts more than was claimed",
        )
    outcome = {
        "claim_id": claim_id,
        "accepted_installs": installs,
        "accepted_amount": amount,
        "reason": reason,
        "settled_by": getpass.getuser(),
        "settled_at": utc_now(),
    }
    warehouse.insert(
        warehouse.table("ml", "claim_outcomes"),
        one_row(outcome, accepted_installs=pl.UInt64, settled_at=INSTANT),
    )


def amount_text(amount: float | None, currency: str) -> str:
    """`1,234.50 USD`; a dash where the amount is not known."""
    return "-" if amount is None else f"{amount:,.2f} {currency or 'of no stated currency'}"


def check_format(out: Path) -> None:
    """Raises `UsageError` unless the name ends as a format that can be written."""
    if out.suffix.lower() not in FORMATS:
        raise UsageError(
            f"cannot write a claim as {out.name!r}", "name it something.csv or something.xlsx"
        )


def write_claim(rows: pl.DataFrame, out: Path) -> None:
    """Write claim rows as CSV or Excel, text as text; the file appears whole."""
    flat = rows.with_columns(
        pl.col("reasons").list.join("; "),
        pl.col("installed_at", "touched_at").dt.strftime("%Y-%m-%d %H:%M:%S%.3f"),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.partial{out.suffix}")
    write = write_csv if out.suffix.lower() == ".csv" else write_xlsx
    write(flat, partial)
    partial.replace(out)


def drop_unfinished(warehouse: Warehouse) -> None:
    """Remove rows that a killed export left without a claim."""
    names = {name: warehouse.table("ml", name) for name in ("claims", "claim_rows")}
    left = warehouse.query(
        f"select distinct claim_id from {names['claim_rows']}"
        f" where claim_id not in (select claim_id from {names['claims']})"
    )["claim_id"].to_list()
    if left:
        delete_rows(warehouse, "claim_rows", "claim_id", left)


def _claimable(warehouse: Warehouse, network: str, month: date) -> pl.DataFrame:
    marts = {name: warehouse.table("marts", name) for name in ("install_facts", "scores_in_force")}
    if "unconverted" not in warehouse.columns("marts", "install_facts"):
        raise UserError("install_facts is not built", "run `clickward build`")
    return warehouse.query(
        f"""
        select
            toString(facts.install_id) as install_id, installs.event_at as installed_at,
            installs.touched_at as touched_at, toString(installs.app_id) as app_id,
            toString(installs.campaign) as campaign,
            toString(installs.subpublisher) as subpublisher,
            toString(installs.country) as country, installs.ip_subnet as ip_subnet,
            toString(installs.device_model) as device_model,
            toString(installs.os_version) as os_version,
            toString(installs.app_version) as app_version,
            installs.ctit_seconds as ctit_seconds, facts.payout_stated as payout_stated,
            toString(facts.payout_currency) as payout_currency, facts.payout as payout,
            toString(facts.currency) as currency,
            facts.has_verdict as has_verdict, toString(scores.model_version) as model_version,
            scores.score as score, scores.threshold as threshold, facts.reasons as reasons
        from {marts["install_facts"]} as facts
        inner join {warehouse.table("core", "installs")} as installs
            on installs.install_id = facts.install_id
        inner join {marts["scores_in_force"]} as scores
            on scores.subject_id = facts.install_id and scores.target = 'is_fraud'
        where facts.publisher = {{network:String}} and not facts.is_blocked
            and facts.is_flagged = 1 and scores.is_flagged = 1
            and facts.event_date >= {{first:Date}} and facts.event_date < {{next:Date}}
            and facts.install_id not in (
                select install_id from {warehouse.table("ml", "claim_rows")}
                where claim_id in (select claim_id from {warehouse.table("ml", "claims")})
            )
        order by installed_at, install_id
        """,
        network=network,
        first=month.replace(day=1),
        next=date(month.year + month.month // 12, month.month % 12 + 1, 1),
    )
