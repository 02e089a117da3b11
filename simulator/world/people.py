"""Devices and how they reach the network: homes, carriers' NAT, IPv6, malls, roaming.

A device is a 64-bit key: its number in bits 0-35, its habit in 36-37, its country in 38-41, bit 42
for iOS, and from bit 44 its owner (0 = people, 1 … = an attack's actor): traits follow from the key
and are kept nowhere. An address is a 64-bit code: IPv4 as its 32 bits, IPv6 with bit 63 set.

Habits make the measured shape of conversion by how busy an address is: light users click once in
a month and convert, heavy ones click all day and hardly ever do.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from clickward.simulator.randomness import (
    Bools,
    Floats,
    Ints,
    Keys,
    below,
    draw,
    mix,
    pick,
    unit,
    zipf_weights,
)
from clickward.simulator.scenario import DAY_MS, HOUR_MS, HardNegatives, Traffic
from clickward.simulator.world.catalogue import ANDROID, CARRIERS, COUNTRIES, IOS, MODELS
from clickward.simulator.world.releases import system_at

HABIT_SHIFT, COUNTRY_SHIFT = np.uint64(36), np.uint64(38)
IOS_BIT = np.uint64(1 << 42)
OWNER_SHIFT = np.uint64(44)
IPV6_BIT = np.uint64(1 << 63)

LIGHT, REGULAR, HEAVY = 0, 1, 2
CLICK_SHARES = (0.11, 0.72, 0.17)  # of honest clicks by habit
WEEKLY_CLICKS = (0.25, 8.0, 17.0)  # a device's
CONVERTING = (0.88, 0.05, 0.07)  # shares of converting clicks by habit
SEEKING = (0.62, 0.30, 0.08)  # of organic installs

IOS_USERS = 0.16
LEASE_DAYS = 21  # a home keeps its address this long
HOMES_PER_SUBNET = 90
BUSY_EXITS, MIDDLING_EXITS = 22, 330  # of carriers' NAT
BUSY_SHARE = 0.36  # of NAT traffic leaves by the busy exits

HOME_BASE = (36 << 24) | (64 << 16)
CARRIER_BASE = (114 << 24) | (120 << 16)
MALL_BASE = (103 << 24) | (28 << 16) | (20 << 8)
OFFICE_BASE = (103 << 24) | (40 << 16) | (8 << 8)


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


def country_of(devices: Keys) -> Ints:
    """Home country of devices."""
    return ((devices >> COUNTRY_SHIFT) & np.uint64(15)).astype(np.int64)


def habit_of(devices: Keys) -> Ints:
    """How often the owners of devices click."""
    return ((devices >> HABIT_SHIFT) & np.uint64(3)).astype(np.int64)


_MODEL_PLATFORMS = np.array([platform for _, _, platform in MODELS])
_MODEL_WEIGHTS = []
for _platform in (ANDROID, IOS):
    _weights = np.zeros(len(MODELS))
    _mine = np.equal(_MODEL_PLATFORMS, _platform)
    _weights[_mine] = zipf_weights(int(_mine.sum()), 0.7)
    _MODEL_WEIGHTS.append(_weights)
_COUNTRY_SHARES = np.array([share for *_, share in COUNTRIES])
_COUNTRY_STARTS = np.cumsum(_COUNTRY_SHARES) - _COUNTRY_SHARES
_CARRIER_WEIGHTS = [
    [share if home == country else 0.0 for _, home, share in CARRIERS]
    for country in range(len(COUNTRIES))
]


@dataclass(frozen=True)
class Population:
    """The people of the world: as many devices as the day's clicks need."""

    seed: int
    start_ms: int
    weekly_clicks: float
    traffic: Traffic
    negatives: HardNegatives
    systems: Floats

    def draw(
        self,
        rng: np.random.Generator,
        ios: Bools,
        countries: Ints,
        habits: tuple[float, ...] = CLICK_SHARES,
    ) -> Keys:
        """Draw a device of the given platform and country for each element, by habit."""
        habit = draw(rng, habits, len(ios))
        share = _COUNTRY_SHARES[countries] * np.where(ios, IOS_USERS, 1.0 - IOS_USERS)
        devices = np.array(CLICK_SHARES) * self.weekly_clicks / np.array(WEEKLY_CLICKS)
        number = np.floor(rng.random(len(ios)) * np.maximum(devices[habit] * share, 1.0))
        return (
            number.astype(np.uint64)
            | (habit.astype(np.uint64) << HABIT_SHIFT)
            | (countries.astype(np.uint64) << COUNTRY_SHIFT)
            | np.where(ios, IOS_BIT, np.uint64(0))
        )

    def traits(self, devices: Keys, times_ms: Ints) -> Traits:
        """Model, system, country and carrier of devices at moments."""
        ios, country = is_ios(devices), country_of(devices)
        chance = unit(devices, self.seed, 1)
        carrier = np.zeros(len(devices), dtype=np.int64)
        luck = unit(devices, self.seed, 4)
        for index in np.unique(country):
            mine = country == index
            carrier[mine] = pick(_CARRIER_WEIGHTS[index], luck[mine])
        return Traits(
            model=np.where(
                ios, pick(_MODEL_WEIGHTS[IOS], chance), pick(_MODEL_WEIGHTS[ANDROID], chance)
            ),
            system=system_at(
                self.systems, self.start_ms, unit(devices, self.seed, 2), ios, times_ms
            ),
            country=country,
            carrier=carrier,
        )

    def connect(
        self, rng: np.random.Generator, devices: Keys, times_ms: Ints, mobility: float = 1.0
    ) -> Connection:
        """Address of devices at moments: at home, in a mall, behind a carrier, abroad.

        `mobility` multiplies the chance to be behind a carrier's NAT.
        """
        luck = rng.random(len(devices))
        nat, six = self.traffic.carrier_nat * mobility, self.traffic.ipv6
        mall = luck < self.negatives.mall_wifi
        mobile = luck > 1.0 - nat
        native = (luck > 1.0 - nat - six) & ~mobile
        roaming = mobile & (luck > 1.0 - self.traffic.roaming)
        ip = self._home(devices, times_ms)
        ip[mobile] = self._exit(rng, devices[mobile], roaming[mobile])
        ip[native] = IPV6_BIT | (
            mix(devices[native], times_ms[native] // DAY_MS, 9) >> np.uint64(2)
        )
        ip[mall] = _mall(devices[mall], times_ms[mall])
        return Connection(wifi=~(mobile | native), ip=ip)

    def _home(self, devices: Keys, times_ms: Ints) -> Keys:
        """A household of two devices has one address for a lease, in its country's block."""
        household = mix(devices >> np.uint64(1), self.seed, 5)
        lease = (
            times_ms // DAY_MS + (household % np.uint64(LEASE_DAYS)).astype(np.int64)
        ) // LEASE_DAYS
        homes = sum(
            share * self.weekly_clicks / clicks / 2
            for share, clicks in zip(CLICK_SHARES, WEEKLY_CLICKS, strict=True)
        )
        subnets = max(16, int(homes / HOMES_PER_SUBNET))
        subnet = below(subnets, household, 6)
        host = 1 + below(254, household, lease, 7)
        return (HOME_BASE + subnet * 256 + host).astype(np.uint64)

    def _exit(self, rng: np.random.Generator, devices: Keys, roaming: Bools) -> Keys:
        """A NAT hands out its exits by load: a few carry far more than the rest."""
        busy = rng.random(len(devices)) < BUSY_SHARE
        country = np.where(roaming, below(len(COUNTRIES), devices, 13), country_of(devices))
        # A country has exits in proportion to its people.
        share = _COUNTRY_SHARES[country]
        place = _COUNTRY_STARTS[country] + share * rng.random(len(devices)) ** 1.3
        exits = np.where(busy, BUSY_EXITS, MIDDLING_EXITS)
        number = np.floor(place * exits).astype(np.int64) + np.where(busy, 0, 4096)
        return (CARRIER_BASE + number).astype(np.uint64)


def _mall(devices: Keys, times_ms: Ints) -> Keys:
    venue = below(3, devices, 11)
    host = 2 + below(6, devices, times_ms // (6 * HOUR_MS), 12)
    return (MALL_BASE + venue * 256 + host).astype(np.uint64)
