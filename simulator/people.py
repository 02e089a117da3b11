"""Devices and how they reach the network: traits by hash, homes, carrier NAT pools, IPv6.

A device is a 64-bit key: its number, bit 40 for iOS, and from bit 44 the owner (0 = people,
1 … = an attack's actor). An address is a 64-bit code: IPv4 as its 32 bits, IPv6 with bit 63 set.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simulator.catalogue import ANDROID, CARRIERS, COUNTRIES, IOS, MODELS, SYSTEMS
from simulator.randomness import Bools, Floats, Ints, Keys, below, mix, pick, unit, zipf_weights
from simulator.scenario import DAY_MS, HOUR_MS

IOS_BIT = np.uint64(1 << 40)
OWNER_SHIFT = np.uint64(44)
IPV6_BIT = np.uint64(1 << 63)

IOS_USERS = 0.16
WIFI_SHARE = 0.60
MALL_SHARE = 0.01  # shopping-centre Wi-Fi: three /24s shared by strangers
IPV6_DEVICES = 0.12  # of devices, when on a carrier's network
LEASE_DAYS = 6  # a home keeps its address this long
HOMES_PER_SUBNET = 90

HOME_BASE = (36 << 24) | (64 << 16)
CARRIER_BASE = (114 << 24) | (120 << 16)
MALL_BASE = (103 << 24) | (28 << 16) | (20 << 8)


class Traits(NamedTuple):
    """What a device is; indexes into the catalogue."""

    model: Ints
    system: Ints
    country: Ints
    carrier: Ints


class Connection(NamedTuple):
    """How a device reached the network at a moment."""

    wifi: Bools
    ip: Keys


def is_ios(devices: Keys) -> Bools:
    """Tell which devices are iOS devices."""
    return (devices & IOS_BIT) != 0


def _by_platform(weights: list[list[float]], ios: Bools, uniforms: Floats) -> Ints:
    return np.where(ios, pick(weights[IOS], uniforms), pick(weights[ANDROID], uniforms))


def _platform_weights(platforms: list[int], weights: list[float], wanted: int) -> list[float]:
    return [w if p == wanted else 0.0 for p, w in zip(platforms, weights, strict=True)]


_MODEL_PLATFORMS = [platform for _, _, platform in MODELS]
_ANDROID_MODELS = _MODEL_PLATFORMS.count(ANDROID)
_MODEL_SHARES = [
    *zipf_weights(_ANDROID_MODELS, 0.7),
    *zipf_weights(len(MODELS) - _ANDROID_MODELS, 0.7),
]
_MODEL_WEIGHTS = [_platform_weights(_MODEL_PLATFORMS, _MODEL_SHARES, p) for p in (ANDROID, IOS)]
_SYSTEM_WEIGHTS = [
    _platform_weights([p for _, p, _ in SYSTEMS], [w for _, _, w in SYSTEMS], wanted)
    for wanted in (ANDROID, IOS)
]
_POOL_SIZES = np.array([pool for _, _, _, pool in CARRIERS])


@dataclass(frozen=True)
class Population:
    """The people of the world: `users` devices, drawn again and again, some far more often."""

    seed: int
    users: int

    def _keys(self, share: Floats, ios: Bools) -> Keys:
        size = np.where(ios, IOS_USERS, 1.0 - IOS_USERS) * self.users
        number = np.floor(share * np.maximum(size, 1.0)).astype(np.uint64)
        return number | np.where(ios, IOS_BIT, np.uint64(0))

    def clickers(self, rng: np.random.Generator, platforms: Ints) -> Keys:
        """Draw who clicks: a heavy tail, a few devices click very often."""
        share = rng.random(len(platforms)) ** 1.6
        return self._keys(share, platforms == IOS)

    def seekers(self, rng: np.random.Generator, platforms: Ints) -> Keys:
        """Draw who installs by themselves: anybody."""
        return self._keys(rng.random(len(platforms)), platforms == IOS)

    def traits(self, devices: Keys) -> Traits:
        """Model, system, country and carrier of devices."""
        ios = is_ios(devices)
        country = pick([share for _, _, share in COUNTRIES], unit(devices, self.seed, 3))
        carrier = np.zeros(len(devices), dtype=np.int64)
        uniforms = unit(devices, self.seed, 4)
        for index in range(len(COUNTRIES)):
            weights = [share if home == index else 0.0 for _, home, share, _ in CARRIERS]
            carrier = np.where(country == index, pick(weights, uniforms), carrier)
        return Traits(
            model=_by_platform(_MODEL_WEIGHTS, ios, unit(devices, self.seed, 1)),
            system=_by_platform(_SYSTEM_WEIGHTS, ios, unit(devices, self.seed, 2)),
            country=country,
            carrier=carrier,
        )

    def connect(self, rng: np.random.Generator, devices: Keys, times_ms: Ints) -> Connection:
        """Address of devices at moments: home Wi-Fi, a mall's Wi-Fi, or the carrier's NAT."""
        carrier = self.traits(devices).carrier
        wifi = rng.random(len(devices)) < WIFI_SHARE
        mall = rng.random(len(devices)) < MALL_SHARE
        ip = np.where(wifi, self._home(devices, times_ms), self._mobile(devices, times_ms, carrier))
        return Connection(wifi=wifi | mall, ip=np.where(mall, _mall(devices, times_ms), ip))

    def _home(self, devices: Keys, times_ms: Ints) -> Keys:
        household = mix(devices >> np.uint64(1), self.seed, 5)
        subnets = max(8, int(self.users / 2 / HOMES_PER_SUBNET))
        subnet = below(subnets, household, 6)
        lease = times_ms // (LEASE_DAYS * DAY_MS)
        host = 1 + below(254, household, lease, 7)
        return (HOME_BASE + subnet * 256 + host).astype(np.uint64)

    def _mobile(self, devices: Keys, times_ms: Ints, carrier: Ints) -> Keys:
        # A NAT hands out another exit every few hours, and some exits far more than others.
        place = unit(devices, times_ms // (4 * HOUR_MS), self.seed, 8) ** 1.4
        exit_number = np.floor(place * _POOL_SIZES[carrier]).astype(np.int64)
        v4 = (CARRIER_BASE + carrier * 4096 + exit_number + 1).astype(np.uint64)
        prefix = (carrier.astype(np.uint64) << np.uint64(56)) | (
            mix(devices, times_ms // DAY_MS, 9) >> np.uint64(8)
        )
        six = unit(devices, self.seed, 10) < IPV6_DEVICES
        return np.where(six, prefix | IPV6_BIT, v4)


def _mall(devices: Keys, times_ms: Ints) -> Keys:
    venue = below(3, devices, 11)
    host = 2 + below(200, devices, times_ms // HOUR_MS, 12)
    return (MALL_BASE + venue * 256 + host).astype(np.uint64)
