"""From codes to the text columns of the reports: few names as dictionaries, the rest as bytes."""

import numpy as np
import polars as pl
import pyarrow as pa

from clickward.simulator.randomness import AnyArray, Bools, Ints, Keys, mix
from clickward.simulator.scenario import DAY_MS, SECOND_MS
from clickward.simulator.world.frames import MISSING
from clickward.simulator.world.people import IPV6_BIT

MOST_NAMES = 4_096  # a longer list is cut to the names in use
_HEX = np.frombuffer("".join(f"{n:02x}" for n in range(256)).encode(), dtype="<u2")
_DIGITS = np.frombuffer("".join(f"{n:03d}" for n in range(1_000)).encode(), np.uint8).reshape(-1, 3)
_CLOCK = np.frombuffer(
    "".join(f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(86_400)).encode(),
    np.uint8,
).reshape(-1, 8)


def absent(count: int) -> pa.Array:
    """A column of nulls."""
    return pa.nulls(count, pa.string())


def constant(text: str, count: int) -> pa.Array:
    """A column of one text."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([text]))


def look_up(names: pa.Array, codes: AnyArray) -> pa.Array:
    """Name of each code; null for a negative code."""
    codes = np.asarray(codes, dtype=np.int64)
    if len(names) > MOST_NAMES and len(codes):
        used, codes = np.unique(codes, return_inverse=True)
        skipped = int((used < 0).sum())
        names, codes = names.take(pa.array(used[skipped:])), codes - skipped
    missing = codes < 0
    distinct = names.dictionary_encode()
    if len(distinct.dictionary) < len(names):
        # Where a dictionary has a name twice, Parquet's writer leaves bytes unset.
        names, codes = distinct.dictionary, distinct.indices.to_numpy()[codes]
    indices = pa.array(codes.astype(np.int32), mask=missing)
    return pa.DictionaryArray.from_arrays(indices, names)


def fixed_width(characters: AnyArray, missing: Bools | None = None) -> pa.Array:
    """Text from a (rows, width) array of bytes; null where `missing`."""
    rows, width = characters.shape
    if missing is None or not missing.any():
        offsets = np.arange(rows + 1, dtype=np.int32) * width
        return pa.StringArray.from_buffers(
            rows, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(characters))
        )
    there = ~missing
    offsets = np.concatenate([[0], np.cumsum(there * width)]).astype(np.int32)
    bits = np.packbits(there, bitorder="little")
    return pa.StringArray.from_buffers(
        rows,
        pa.py_buffer(offsets),
        pa.py_buffer(np.ascontiguousarray(characters[there])),
        pa.py_buffer(bits),
        int(missing.sum()),
    )


def time_text(moments_ms: Ints) -> pa.Array:
    """`yyyy-mm-dd hh:mm:ss.SSS` in UTC; null where MISSING."""
    moments_ms = np.asarray(moments_ms, dtype=np.int64)
    missing = moments_ms == MISSING
    day, inside = np.divmod(np.where(missing, 0, moments_ms), DAY_MS)
    days, place = np.unique(day, return_inverse=True)
    dates = days.astype("datetime64[D]").astype("S10") if len(days) else np.array([], "S10")
    text = np.full((len(moments_ms), 23), ord(" "), np.uint8)
    text[:, :10] = dates.view(np.uint8).reshape(-1, 10)[place]
    text[:, 11:19] = _CLOCK[inside // SECOND_MS]
    text[:, 19] = ord(".")
    text[:, 20:] = _DIGITS[inside % SECOND_MS]
    return fixed_width(text, missing)


def uuid_text(
    *parts: AnyArray | int, missing: Bools | None = None, upper: bool = False
) -> pa.Array:
    """A UUID-shaped identifier by hash; null where `missing`."""
    halves = [mix(*parts, number).astype(">u8") for number in (1, 2)]
    raw = np.stack([half.view(np.uint8).reshape(-1, 8) for half in halves], axis=1).reshape(-1, 16)
    pairs = _HEX[raw].view(np.uint8).reshape(-1, 16, 2)
    text = np.full((len(raw), 36), ord("-"), np.uint8)
    at = _UUID_PLACES
    text[:, at], text[:, at + 1] = pairs[:, :, 0], pairs[:, :, 1]
    if upper:
        text = np.where((text >= ord("a")) & (text <= ord("f")), text - 32, text).astype(np.uint8)
    return fixed_width(text, missing)


_UUID_PLACES = np.array([0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34])


def ip_text(codes: Keys) -> pa.Array:
    """An address's text: dotted IPv4, or compressed IPv6 inside one operator's /32."""
    codes = np.asarray(codes, dtype=np.uint64)
    used, place = np.unique(codes, return_inverse=True)
    six = (used & IPV6_BIT) != 0
    octets = [
        pl.Series(((used >> np.uint64(s)) & np.uint64(255)).astype(np.int64)).cast(pl.String)
        for s in (24, 16, 8, 0)
    ]
    names = (octets[0] + "." + octets[1] + "." + octets[2] + "." + octets[3]).to_list()
    for row in np.flatnonzero(six).tolist():
        # A zero group beside the double colon would be one address in two spellings.
        e, f, g, h = (max(int(used[row]) >> s & 0xFFFF, 1) for s in (48, 32, 16, 0))
        names[row] = f"2402:3a80:{e & 0x7FFF or 1:x}:{f:x}::{g:x}:{h:x}"
    return pa.array(names, pa.string()).take(pa.array(place))


def flag_text(flags: AnyArray) -> pa.Array:
    """`true` or `false`."""
    return look_up(pa.array(["false", "true"]), np.asarray(flags).astype(np.int64))
