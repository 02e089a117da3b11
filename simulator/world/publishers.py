"""The publisher hierarchy: network → site → sub-publisher, with Zipf volumes and effects."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from clickward.simulator.randomness import Floats, Ints, stream, zipf_weights
from clickward.simulator.world.catalogue import COUNTRIES, NETWORKS, PUSH_NETWORK, REWARDED_NETWORK

SITES_PER_NETWORK = (16, 12, 10, 9, 6, 5)
MOST_SUB_PUBLISHERS = 12
# Log-normal spreads of a level's effects on conversion, CTIT and retention.
SPREAD = np.array([0.45, 0.18, 0.22])
SUBS_AFTER_SPLITS = 6  # fresh sub-publishers an actor can open, per one it begins with


@dataclass(frozen=True)
class Publishers:
    """Every sub-publisher by index: its parents, its volume and its random effects.

    `volume` adds up to one and is 0 for sub-publishers that only an actor opens; the effects
    multiply conversion, CTIT and retention and are drawn at each level, so that sub-publishers of
    one site resemble each other. `country` is the country a sub-publisher leans to.
    """

    network: Ints
    site_id: list[str]
    sub_id: list[str]
    volume: Floats
    conversion: Floats
    stretch: Floats
    retention: Floats
    country: Ints
    actor_subs: tuple[Ints, ...]

    def __len__(self) -> int:
        return len(self.sub_id)

    def of_network(self, network: int) -> Ints:
        """A network's honest sub-publishers."""
        return np.flatnonzero((self.network == network) & (self.volume > 0))


def make_publishers(seed: int, wanted: tuple[int, ...]) -> Publishers:
    """Draw the hierarchy, about 58 sites and 350 sub-publishers.

    `wanted` has the number of sub-publishers of each actor: it takes ones of middling to large
    honest volume, so that fraud stands inside ordinary traffic, and keeps empty ones in reserve.
    """
    rng = stream(seed, "publishers")
    rows: list[tuple[int, str, str, float]] = []
    effects: list[Floats] = []
    countries: list[int] = []
    shares = np.array([share for *_, share in COUNTRIES])
    numbers = iter((rng.permutation(90_000) + 10_000).tolist())
    for network, (_, network_share, _) in enumerate(NETWORKS):
        of_network = rng.normal(0.0, SPREAD * 0.6)
        for site_share in zipf_weights(SITES_PER_NETWORK[network], 1.0):
            of_site = of_network + rng.normal(0.0, SPREAD)
            site, home = str(next(numbers)), int(rng.choice(len(COUNTRIES), p=shares))
            subs = int(rng.integers(2, MOST_SUB_PUBLISHERS))
            for rank, sub_share in enumerate(zipf_weights(subs, 0.9)):
                volume = network_share * site_share * sub_share
                rows.append((network, site, f"{site}_{rank + 1:03d}", volume))
                effects.append(of_site + rng.normal(0.0, SPREAD))
                countries.append(home)
    actor_subs, opened = [], Counter(site for _, site, _, _ in rows)
    for first in _allot(rng, rows, wanted):
        reserve = SUBS_AFTER_SPLITS * len(first)
        parents = [int(first[number % len(first)]) for number in range(reserve)]
        fresh = len(rows) + np.arange(reserve)
        for parent in parents:
            network, site, _, _ = rows[parent]
            opened[site] += 1
            rows.append((network, site, f"{site}_{opened[site]:03d}", 0.0))
            effects.append(effects[parent])
            countries.append(countries[parent])
        actor_subs.append(np.concatenate([first, fresh]))
    multipliers = np.exp(np.array(effects))
    volume = np.array([row[3] for row in rows])
    return Publishers(
        network=np.array([row[0] for row in rows], dtype=np.int64),
        site_id=[row[1] for row in rows],
        sub_id=[row[2] for row in rows],
        volume=volume / volume.sum(),
        conversion=multipliers[:, 0],
        stretch=multipliers[:, 1],
        retention=multipliers[:, 2],
        country=np.array(countries, dtype=np.int64),
        actor_subs=tuple(actor_subs),
    )


def _allot(
    rng: np.random.Generator, rows: list[tuple[int, str, str, float]], wanted: tuple[int, ...]
) -> list[Ints]:
    """Each actor's first sub-publishers; nobody's twice while there are enough."""
    volume = np.array([row[3] for row in rows])
    network = np.array([row[0] for row in rows])
    middling = volume >= np.quantile(volume, 0.35)
    surging = np.isin(network, (PUSH_NETWORK, REWARDED_NETWORK))
    eligible = np.flatnonzero(middling & ~surging)
    queue = np.resize(rng.permutation(eligible), max(sum(wanted), 1))
    return np.split(queue, np.cumsum(wanted))[: len(wanted)]
