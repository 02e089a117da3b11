"""From codes to the text of the reports, a column at a time."""

import numpy as np
import polars as pl

from simulator.frames import MISSING
from simulator.people import IPV6_BIT
from simulator.randomness import AnyArray, Ints, Keys, mix

_HEX4 = pl.Series([f"{number:04x}" for number in range(65_536)])
_HEX = pl.Series([f"{number:x}" for number in range(65_536)])
TIME_FORMAT = "%Y-%m-%d %H:%M:%S%.3f"


def look_up(names: pl.Series, codes: AnyArray) -> pl.Series:
    """Name of each code; null for a negative code."""
    known = pl.Series(np.asarray(codes, dtype=np.int64))
    return names.gather(known.set(known < 0, None).cast(pl.UInt32))


def time_text(moments_ms: Ints) -> pl.Series:
    """`yyyy-mm-dd hh:mm:ss.SSS` in UTC; null where MISSING."""
    values = pl.Series(moments_ms, dtype=pl.Int64)
    return values.set(values == MISSING, None).cast(pl.Datetime("ms")).dt.strftime(TIME_FORMAT)


def _groups(values: Keys) -> list[Ints]:
    shifts = (48, 32, 16, 0)
    return [((values >> np.uint64(s)) & np.uint64(0xFFFF)).astype(np.int64) for s in shifts]


def uuid_text(*parts: AnyArray | int) -> pl.Series:
    """A UUID-shaped identifier by hash, lower case."""
    a, b, c, d = (_HEX4.gather(group) for group in _groups(mix(*parts, 1)))
    e, f, g, h = (_HEX4.gather(group) for group in _groups(mix(*parts, 2)))
    return a + b + "-" + c + "-" + d + "-" + e + "-" + f + g + h


def ip_text(codes: Keys) -> pl.Series:
    """An address's text: dotted IPv4, or compressed IPv6 inside one operator's /32."""
    six = (codes & IPV6_BIT) != 0
    octets = [((codes >> np.uint64(s)) & np.uint64(255)).astype(np.int64) for s in (24, 16, 8, 0)]
    a, b, c, d = (pl.Series(octet).cast(pl.String) for octet in octets)
    v4 = a + "." + b + "." + c + "." + d
    groups = _groups(codes & ~IPV6_BIT)
    # A zero group beside the double colon would be one address in two spellings.
    e, f, g, h = (_HEX.gather(np.maximum(group, 1)) for group in groups)
    v6 = pl.lit("2402:3a80:") + e + ":" + f + "::" + g + ":" + h
    frame = pl.select(v4=v4, v6=v6, six=pl.Series(six))
    return frame.select(pl.when("six").then("v6").otherwise("v4")).to_series()


def flag_text(flags: AnyArray) -> pl.Series:
    """`true` or `false`."""
    return look_up(pl.Series(["false", "true"]), np.asarray(flags).astype(np.int64))
