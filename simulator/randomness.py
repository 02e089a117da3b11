"""Seeded streams, and traits that follow from an identity instead of being stored.

A world of millions of devices keeps no table of devices: every trait is a hash of the
device's number, so that day 40 sees the device of day 3 unchanged and memory stays flat.
"""

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
AnyArray = npt.NDArray[Any]


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """A generator of its own for one purpose, so that no draw depends on another's order."""
    words = [name if isinstance(name, int) else zlib.crc32(name.encode()) for name in names]
    return np.random.default_rng([seed, *words])


def mix(*parts: AnyArray | int) -> Keys:
    """Hash integers element by element into 64 bits (the finaliser of splitmix64, Vigna 2015)."""
    state: Keys = np.zeros(1, dtype=np.uint64)
    for part in parts:
        state = state + np.asarray(part).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = state ^ (state >> np.uint64(31))
    return state


def unit(*parts: AnyArray | int) -> Floats:
    """Hash integers into [0, 1)."""
    return (mix(*parts) >> np.uint64(11)).astype(np.float64) / 2.0**53


def below(limit: int, *parts: AnyArray | int) -> Ints:
    """Hash integers into 0 … limit - 1."""
    return (mix(*parts) % np.uint64(limit)).astype(np.int64)


def pick(weights: npt.ArrayLike, uniforms: Floats) -> Ints:
    """Turn uniforms in [0, 1) into indexes that follow the weights."""
    steps = np.cumsum(np.asarray(weights, dtype=np.float64))
    chosen = np.searchsorted(steps, uniforms * steps[-1], side="right")
    return np.minimum(chosen, len(steps) - 1).astype(np.int64)


def draw(rng: np.random.Generator, weights: npt.ArrayLike, count: int) -> Ints:
    """Draw `count` indexes that follow the weights."""
    return pick(weights, rng.random(count))


def zipf_weights(count: int, exponent: float) -> Floats:
    """Weights of ranks 1 … count under Zipf's law, adding up to one."""
    weights = np.arange(1, count + 1, dtype=np.float64) ** -exponent
    return np.asarray(weights / weights.sum())
