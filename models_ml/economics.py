"""What an install costs and what a mistake costs: the payoffs of flagging each row."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from clickward.models_ml.reading import INSTANT
from clickward.warehouse.connection import Warehouse

ANY = "*"
# From the most precise entry on: app and network, app, network, everything.
PRECISIONS = (("app", "network"), ("app", ANY), (ANY, "network"), (ANY, ANY))
# Amounts by our name, and the column that holds each.
AMOUNTS = {"agreed": "payout", "dispute_cost": "dispute_cost", "review_cost": "review_cost"}
SCHEMA: dict[Any, Any] = {
    "app": pl.String,
    "publisher": pl.String,
    "valid_from": INSTANT,
    **dict.fromkeys(AMOUNTS, pl.Float64),
}
PAYOUT, DISPUTE_COST, REVIEW_COST = 1.0, 0.4, 0.15


@dataclass(frozen=True)
class Costs:
    """Money for rows whose app and network the table `app_economics` does not hold."""

    payout: float = PAYOUT
    dispute_cost: float = DISPUTE_COST
    review_cost: float = REVIEW_COST


@dataclass(frozen=True)
class Payoffs:
    """Payout, cost of a dispute and cost of a review of each row, `(n,)`, in one currency."""

    payout: np.ndarray
    dispute_cost: np.ndarray
    review_cost: np.ndarray

    def take(self, rows: np.ndarray) -> "Payoffs":
        """The same of some rows, by position."""
        return Payoffs(self.payout[rows], self.dispute_cost[rows], self.review_cost[rows])

    @staticmethod
    def joined(parts: "list[Payoffs]") -> "Payoffs":
        """Those of several folds, one after the other."""
        return Payoffs(
            np.concatenate([part.payout for part in parts]),
            np.concatenate([part.dispute_cost for part in parts]),
            np.concatenate([part.review_cost for part in parts]),
        )


def net_saved(payoffs: Payoffs, is_positive: np.ndarray, flagged: np.ndarray) -> np.ndarray:
    """Money each row's flag saves, `(n,)`; 0 where it is not flagged.

    A fraud stopped saves its payout; a false positive costs the payout, for the publisher leaves
    or is paid after all, and a dispute; every flag costs a review.
    """
    mistaken = payoffs.payout + payoffs.dispute_cost
    return flagged * (np.where(is_positive, payoffs.payout, -mistaken) - payoffs.review_cost)


def read_payoffs(warehouse: Warehouse, entities: pl.DataFrame, costs: Costs) -> Payoffs:
    """Payoffs of rows with `app`, `publisher`, `event_at`, `payout`, `is_organic`.

    From the economics loaded, where there are any: of the rows in force the one of app and
    network, then of the app, then of the network (`*` stands for every one). What it leaves open
    is the payout that the install itself reports, else `costs`. Nobody is paid for an organic
    install, and nobody disputes one.
    """
    rows = entities.select("app", "publisher", "event_at", "payout", "is_organic")
    agreed = _in_force(rows, _table(warehouse))
    filled = rows.hstack(agreed).select(
        pl.coalesce("agreed", "payout", pl.lit(costs.payout)).alias("payout"),
        pl.coalesce("dispute_cost", pl.lit(costs.dispute_cost)).alias("dispute_cost"),
        pl.coalesce("review_cost", pl.lit(costs.review_cost)).alias("review_cost"),
    )
    paid = ~rows["is_organic"].to_numpy().astype(bool)
    return Payoffs(
        filled["payout"].to_numpy() * paid,
        filled["dispute_cost"].to_numpy() * paid,
        filled["review_cost"].to_numpy(),
    )


def _in_force(rows: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """`AMOUNTS` of each row, in order, from the most precise entry that states them."""
    placed = rows.with_row_index("place").cast({"event_at": INSTANT}).sort("event_at")
    found = []
    for app, publisher in PRECISIONS:
        entries = table.filter(
            (pl.col("app") == ANY) == (app == ANY),
            (pl.col("publisher") == ANY) == (publisher == ANY),
        )
        keys = placed.select(
            "place",
            "event_at",
            app=pl.col("app") if app != ANY else pl.lit(ANY),
            publisher=pl.col("publisher") if publisher != ANY else pl.lit(ANY),
        )
        joined = keys.join_asof(
            entries, left_on="event_at", right_on="valid_from", by=["app", "publisher"],
            check_sortedness=False,
        )  # fmt: skip
        found.append(joined.sort("place").select(list(AMOUNTS)))
    return pl.DataFrame(
        {name: pl.select(pl.coalesce([part[name] for part in found])).to_series()
         for name in AMOUNTS}
    )  # fmt: skip


def find_table(warehouse: Warehouse) -> str | None:
    """The economics: the mart that unites seed and loads, else a table `app_economics`."""
    stages = ("marts", "ml", "core", "staging")
    databases = [*(warehouse.target.database(stage) for stage in stages), warehouse.target.schema]
    return warehouse.scalar(
        "select database || '.' || name from system.tables"
        " where name in ('economics', 'app_economics') and database in {databases:Array(String)}"
        " order by name = 'economics' desc, indexOf({databases:Array(String)}, database)",
        databases=databases,
    )


def _table(warehouse: Warehouse) -> pl.DataFrame:
    """`app`, `publisher`, `valid_from` and `AMOUNTS`, by time; empty where none is loaded."""
    name = find_table(warehouse)
    if name is None:
        return pl.DataFrame(schema=SCHEMA)
    amounts = ", ".join(
        f"toFloat64OrNull(ifNull(toString({column}), '')) as {alias}"
        for alias, column in AMOUNTS.items()
    )
    table = warehouse.query(
        "select toString(app_id) as app, toString(network) as publisher,"
        " toDateTime64(assumeNotNull(toDateOrNull(toString(valid_from))), 3, 'UTC') as starts_at,"
        f" {amounts} from {name} where toDateOrNull(toString(valid_from)) is not null"
    )
    starts_at = table["starts_at"].dt.replace_time_zone("UTC").cast(INSTANT).alias("valid_from")
    dated = table.drop("starts_at").hstack([starts_at]).select(list(SCHEMA))
    return dated.cast(SCHEMA).sort("valid_from")
