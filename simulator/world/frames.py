"""The two frames that world and attacks exchange: planned installs and touches (clicks).

All times are milliseconds since 1970, UTC, and MISSING where there is none; other integers are
indexes into the catalogue or the publisher hierarchy, -1 where there is none.
"""

from typing import Any

import numpy as np
import polars as pl

MISSING = -1
ORGANIC, NOBODY = -1, -2  # true sources that are no sub-publisher

# How an install's events come about; see `clickward.simulator.world.events`.
HUMAN, SCRIPT, PATIENT_SCRIPT, PAID_SCRIPT, REWARDED = range(5)

MATCH_TYPES = ("gp_referrer", "id_matching", "probabilistic")
REFERRER, ID_MATCHING, PROBABILISTIC = range(3)

INSTALL_SCHEMA = pl.Schema(
    {
        "serial": pl.UInt64,  # makes the AppsFlyer id; given when the day is planned
        "install_ms": pl.Int64,
        "app": pl.Int64,
        "sub": pl.Int64,  # winning sub-publisher; -1: organic
        "true_sub": pl.Int64,  # who brought the person: a sub-publisher, ORGANIC or NOBODY
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
        "referrer_sub": pl.Int64,  # whom Google Play's referrer names; MISSING: the winner
        "match": pl.Int64,  # index into MATCH_TYPES
        "assist1_sub": pl.Int64,
        "assist1_ms": pl.Int64,
        "assist2_sub": pl.Int64,
        "assist2_ms": pl.Int64,
        "assist3_sub": pl.Int64,
        "assist3_ms": pl.Int64,
        "actor": pl.Int64,  # index into the scenario's actors; -1: honest
        "attack": pl.Int64,  # index into `clickward.simulator.attacks.NAMES`; -1: honest
        "mimic": pl.Boolean,  # a fraud that copies honest traffic
        "behaviour": pl.Int64,
        "engagement": pl.Float64,  # multiplies the app's retention
        "sdk": pl.Int64,  # index into UNSHIPPED_SDKS; MISSING: the one the app ships
        "is_bare": pl.Boolean,  # the report lacks what only a device can tell
    }
)
_INSTALL_DEFAULTS: dict[str, Any] = {
    "serial": 0,
    "true_sub": NOBODY,
    "wifi": True,
    "click_ms": MISSING,
    "click_wifi": False,
    "click_ip": 0,
    "gp_click_ms": MISSING,
    "begin_ms": MISSING,
    "referrer_sub": MISSING,
    "match": -1,
    "actor": -1,
    "attack": -1,
    "mimic": False,
    "behaviour": HUMAN,
    "engagement": 1.0,
    "sdk": MISSING,
    "is_bare": False,
} | {f"assist{n}_{part}": MISSING for n in (1, 2, 3) for part in ("sub", "ms")}

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
        name: np.broadcast_to(np.asarray(value), count)
        for name, value in (
            (name, columns[name] if name in columns else _INSTALL_DEFAULTS[name])
            for name in INSTALL_SCHEMA
        )
    }
    return pl.DataFrame(filled).cast(INSTALL_SCHEMA)


def touch_frame(**columns: Any) -> pl.DataFrame:
    """Build a frame of touches."""
    return pl.DataFrame({name: columns[name] for name in TOUCH_SCHEMA}).cast(TOUCH_SCHEMA)


def told_touches(installs: pl.DataFrame) -> pl.DataFrame:
    """The clicks that installs name: the winning ones and those before them.

    People click at home: an earlier touch has the address of the winning one.
    """
    place = {"wifi": pl.col("click_wifi"), "ip": pl.col("click_ip")}
    won = installs.filter(pl.col("click_ms") != MISSING).with_columns(**place)
    parts = [won.select(*TOUCH_SCHEMA)]
    for number in (1, 2, 3):
        sub, moment = f"assist{number}_sub", f"assist{number}_ms"
        earlier = won.filter(pl.col(moment) != MISSING)
        parts.append(
            earlier.with_columns(click_ms=pl.col(moment), sub=pl.col(sub)).select(*TOUCH_SCHEMA)
        )
    return pl.concat(parts)
