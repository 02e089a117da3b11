"""The two frames that world and attacks exchange: planned installs and touches (clicks).

All times are milliseconds since 1970, UTC, and MISSING where there is none; other integers are
indexes into the catalogue or the publisher hierarchy, -1 where there is none.
"""

from typing import Any

import numpy as np
import polars as pl

from simulator.people import Population

MISSING = -1

INSTALL_SCHEMA = pl.Schema(
    {
        "install_ms": pl.Int64,
        "app": pl.Int64,
        "sub": pl.Int64,  # winning sub-publisher; -1: organic
        "device": pl.UInt64,
        "model": pl.Int64,
        "system": pl.Int64,
        "country": pl.Int64,
        "carrier": pl.Int64,
        "wifi": pl.Boolean,
        "ip": pl.UInt64,
        "click_ms": pl.Int64,
        "click_wifi": pl.Boolean,
        "click_ip": pl.UInt64,
        "gp_click_ms": pl.Int64,
        "begin_ms": pl.Int64,  # the store began to install
        "match": pl.Int64,  # index into MATCH_TYPES
        "assist1_sub": pl.Int64,
        "assist1_ms": pl.Int64,
        "assist2_sub": pl.Int64,
        "assist2_ms": pl.Int64,
        "assist3_sub": pl.Int64,
        "assist3_ms": pl.Int64,
        "actor": pl.Int64,  # index into the scenario's attacks; -1: honest
        "disguised": pl.Boolean,
        "scripted": pl.Boolean,  # nobody uses the app: events come from a script
        "engagement": pl.Float64,  # multiplies the app's retention
    }
)
_INSTALL_DEFAULTS: dict[str, Any] = {
    "click_ms": MISSING,
    "click_wifi": False,
    "click_ip": 0,
    "gp_click_ms": MISSING,
    "begin_ms": MISSING,
    "match": -1,
    "actor": -1,
    "disguised": False,
    "scripted": False,
    "engagement": 1.0,
} | {f"assist{n}_{part}": MISSING for n in (1, 2, 3) for part in ("sub", "ms")}

MATCH_TYPES = ("gp_referrer", "id_matching", "probabilistic")
REFERRER, ID_MATCHING, PROBABILISTIC = 0, 1, 2

TOUCH_SCHEMA = pl.Schema(
    {
        "click_ms": pl.Int64,
        "app": pl.Int64,
        "sub": pl.Int64,
        "device": pl.UInt64,
        "model": pl.Int64,
        "system": pl.Int64,
        "country": pl.Int64,
        "carrier": pl.Int64,
        "wifi": pl.Boolean,
        "ip": pl.UInt64,
    }
)


def install_frame(**columns: Any) -> pl.DataFrame:
    """Build a frame of planned installs; columns left out take their defaults."""
    count = len(columns["install_ms"])
    filled = {
        name: columns[name] if name in columns else np.full(count, _INSTALL_DEFAULTS[name])
        for name in INSTALL_SCHEMA
    }
    return pl.DataFrame(filled).cast(INSTALL_SCHEMA)


def touch_frame(**columns: Any) -> pl.DataFrame:
    """Build a frame of touches."""
    return pl.DataFrame({name: columns[name] for name in TOUCH_SCHEMA}).cast(TOUCH_SCHEMA)


def winning_touches(installs: pl.DataFrame) -> pl.DataFrame:
    """The clicks that won the attributed installs."""
    won = installs.filter(pl.col("click_ms") != MISSING)
    return won.with_columns(wifi=pl.col("click_wifi"), ip=pl.col("click_ip")).select(*TOUCH_SCHEMA)


def assisting_touches(
    installs: pl.DataFrame, population: Population, rng: np.random.Generator
) -> pl.DataFrame:
    """The clicks that were there before the winning one; honest and flooding alike."""
    parts = []
    for number in (1, 2, 3):
        sub, moment = f"assist{number}_sub", f"assist{number}_ms"
        part = installs.filter(pl.col(moment) != MISSING)
        times = part[moment].to_numpy()
        connection = population.connect(rng, part["device"].to_numpy(), times)
        parts.append(
            part.with_columns(
                click_ms=pl.col(moment),
                sub=pl.col(sub),
                wifi=pl.Series(connection.wifi),
                ip=pl.Series(connection.ip),
            ).select(*TOUCH_SCHEMA)
        )
    return pl.concat(parts)
