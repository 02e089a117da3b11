"""What an install costs and what a mistake costs: the payoffs of flagging each row."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import yaml

from clickward.models_ml.dataset.reading import BETWEEN, Span
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError
from clickward.warehouse.log import log

PAYOUT, DISPUTE_COST, REVIEW_COST = 1.0, 0.4, 0.15
AMOUNTS = ("payout", "dispute_cost", "review_cost")


@dataclass(frozen=True)
class Costs:
    """Money for rows of which no amount is stated, in the currency of the marts."""

    payout: float = PAYOUT
    dispute_cost: float = DISPUTE_COST
    review_cost: float = REVIEW_COST


@dataclass(frozen=True)
class Payoffs:
    """Payout, cost of a dispute and cost of a review of each row, `(n,)`, in `currency`.

    NaN is an amount in a currency that no rate converts.
    """

    payout: np.ndarray
    dispute_cost: np.ndarray
    review_cost: np.ndarray
    currency: str = ""

    @property
    def unconverted(self) -> int:
        """Rows with an amount that no rate converts."""
        return int(np.isnan(self.payout + self.dispute_cost + self.review_cost).sum())

    def take(self, rows: np.ndarray) -> "Payoffs":
        """The same of some rows, by position."""
        return Payoffs(
            self.payout[rows], self.dispute_cost[rows], self.review_cost[rows], self.currency
        )

    @staticmethod
    def joined(parts: "list[Payoffs]") -> "Payoffs":
        """Those of several folds, one after the other."""
        return Payoffs(
            np.concatenate([part.payout for part in parts]),
            np.concatenate([part.dispute_cost for part in parts]),
            np.concatenate([part.review_cost for part in parts]),
            parts[0].currency,
        )


def net_saved(payoffs: Payoffs, is_positive: np.ndarray, flagged: np.ndarray) -> np.ndarray:
    """Money each row's flag saves, `(n,)`; 0 where it is not flagged, or what it saves is unknown.

    A fraud stopped saves its payout; a false positive costs the payout, for the publisher leaves
    or is paid after all, and a dispute; every flag costs a review.
    """
    mistaken = payoffs.payout + payoffs.dispute_cost
    worth = np.where(is_positive, payoffs.payout, -mistaken) - payoffs.review_cost
    return flagged * np.nan_to_num(worth, nan=0.0)


def uniform(n: int, costs: Costs, currency: str = "") -> Payoffs:
    """The same costs for every row."""
    return Payoffs(
        np.full(n, costs.payout),
        np.full(n, costs.dispute_cost),
        np.full(n, costs.review_cost),
        currency,
    )


def read_payoffs(warehouse: Warehouse, ids: pl.Series, span: Span, costs: Costs) -> Payoffs:
    """Payoffs of the installs `ids` of `span`, in that order, from the mart `install_facts`.

    `costs` are for rows of which no amount is stated, and for all where the mart is not built,
    which is said, as is how many rows have amounts that no rate converts. Nobody is paid for an
    organic install, and nobody disputes one. Raises `UserError` where days of the span were built
    in different currencies.
    """
    if "unconverted" not in warehouse.columns("marts", "install_facts"):
        log("the same costs for every install (install_facts is not built: run `clickward build`)")
        return uniform(len(ids), costs, stated_currency(warehouse))
    paid = ("payout", "dispute_cost")
    amounts = ", ".join(
        f"multiIf({'is_organic' if name in paid else 'false'}, 0,"
        f" has(unconverted, '{name}'), nan, {name}) as {name}_"
        for name in AMOUNTS
    )
    known = warehouse.query(
        f"select toString(install_id) as id, {amounts}, toString(currency) as currency"
        f" from {warehouse.table('marts', 'install_facts')}"
        f" where {BETWEEN.format(column='event_at')}",
        from_at=span.from_at,
        to_at=span.to_at,
    )
    currency = one_currency(known["currency"]) or stated_currency(warehouse)
    rows = pl.DataFrame({"id": ids}).join(known, on="id", how="left", maintain_order="left")
    filled = {
        name: rows[f"{name}_"].cast(pl.Float64).fill_null(getattr(costs, name)).to_numpy()
        for name in AMOUNTS
    }
    payoffs = Payoffs(**filled, currency=currency)
    if payoffs.unconverted:
        log(
            f"warning: {payoffs.unconverted:,} of {len(ids):,} installs have amounts that no rate"
            f" converts into {currency}: money leaves them out (fill"
            " dbt_project/seeds/exchange_rates.csv, then run `clickward build`)"
        )
    return payoffs


def one_currency(found: pl.Series) -> str | None:
    """The currency that all rows of a mart have; None where there are no rows.

    Raises `UserError` where there are several: days were built under different variables.
    """
    names = sorted(found.drop_nulls().unique().to_list())
    if len(names) > 1:
        raise UserError(
            f"these days were built in {' and '.join(names)}: their money is no one sum",
            "run `clickward build`, without bounds of days, to build them in one currency",
        )
    return names[0] if names else None


def stated_currency(warehouse: Warehouse) -> str:
    """The variable `currency` of the dbt project; USD where the project is older than it."""
    stated = yaml.safe_load((warehouse.project.project_dir / "dbt_project.yml").read_text())
    return str((stated.get("vars") or {}).get("currency", "USD")).strip().upper()
