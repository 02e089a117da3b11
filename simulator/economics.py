"""What an install costs and what a mistake costs: `app_economics.csv` in the folder `_world`."""

from pathlib import Path

import numpy as np
import polars as pl

from clickward.simulator.randomness import stream
from clickward.simulator.world.catalogue import NETWORKS
from clickward.simulator.world.world import World

NETWORK_SPREAD = 0.12  # of payouts between networks, log-normal
RISE_AFTER = 0.5  # of the span, some payouts are agreed anew
RENEGOTIATED, RISE = 0.3, 1.1


def app_economics(world: World) -> pl.DataFrame:
    """One row per app, network and first day of validity: payout and costs in USD."""
    rng = stream(world.seed, "economics")
    settings, apps = world.scenario.economics, world.apps
    start = world.scenario.start
    later = start.fromordinal(start.toordinal() + int(world.days * RISE_AFTER))
    rows = []
    for app in range(len(apps)):
        for network, *_ in NETWORKS:
            payout = float(apps.payout[app] * np.exp(rng.normal(0, NETWORK_SPREAD)))
            rows.append((apps.app_id[app], network, start, payout))
            if rng.random() < RENEGOTIATED:
                rows.append((apps.app_id[app], network, later, payout * RISE))
    table = pl.DataFrame(rows, schema=["app_id", "network", "valid_from", "payout"], orient="row")
    return table.with_columns(
        pl.col("payout").round(2),
        currency=pl.lit("USD"),
        dispute_cost=pl.lit(settings.dispute_cost),
        review_cost=pl.lit(settings.review_cost),
    )


def write_economics(world: World, out: Path) -> None:
    """Write the table as CSV, in the shape a seed has."""
    app_economics(world).write_csv(out / "_world" / "app_economics.csv")
