"""What an install costs and what a mistake costs: the payoffs of flagging each row."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from models_ml.reading import INSTANT
from warehouse.connection import Warehouse

TABLE = "app_economics"
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

    From the table `app_economics` where one is loaded: the row of app and network that was valid
    at the time. Else the payout that the install itself reports, else `costs`. Nobody is paid
    for an organic install, and nobody disputes one.
    """
    rows = entities.with_row_index("place")
    found = _table(warehouse)
    if found is None:
        rows = rows.with_columns(agreed=None, dispute_cost=None, review_cost=None)
    else:
        rows = rows.sort("event_at").join_asof(
            found, left_on="event_at", right_on="valid_from", by=["app", "publisher"],
            check_sortedness=False,
        )  # fmt: skip
    rows = rows.sort("place").with_columns(
        pl.coalesce(pl.col("agreed").cast(pl.Float64), "payout", pl.lit(costs.payout))
        .alias("payout"),
        pl.col("dispute_cost").cast(pl.Float64).fill_null(costs.dispute_cost),
        pl.col("review_cost").cast(pl.Float64).fill_null(costs.review_cost),
    )  # fmt: skip
    paid = ~rows["is_organic"].to_numpy().astype(bool)
    return Payoffs(
        rows["payout"].to_numpy() * paid,
        rows["dispute_cost"].to_numpy() * paid,
        rows["review_cost"].to_numpy(),
    )


def find_table(warehouse: Warehouse) -> str | None:
    """Qualified name of the table `app_economics`, whichever of our databases a seed put it in."""
    return warehouse.scalar(
        "select database || '.' || name from system.tables"
        " where name = {name:String} and database in {databases:Array(String)} order by database",
        name=TABLE,
        databases=[
            warehouse.target.schema,
            *(warehouse.target.database(stage) for stage in ("ml", "core", "marts", "staging")),
        ],
    )


def _table(warehouse: Warehouse) -> pl.DataFrame | None:
    name = find_table(warehouse)
    if name is None:
        return None
    table = warehouse.query(
        "select toString(app_id) as app, toString(network) as publisher,"
        " toDateTime64(valid_from, 3, 'UTC') as valid_from, toFloat64(payout) as agreed,"
        " toFloat64(dispute_cost) as dispute_cost, toFloat64(review_cost) as review_cost"
        f" from {name}"
    )
    valid_from = table["valid_from"].dt.replace_time_zone("UTC").cast(INSTANT)
    return table.with_columns(valid_from).sort("valid_from")
