"""The publisher hierarchy: network → site → sub-publisher, with Zipf volumes and effects."""

from dataclasses import dataclass

import numpy as np

from simulator.catalogue import NETWORKS, PUSH_NETWORK
from simulator.randomness import Floats, Ints, stream, zipf_weights

SITES_PER_NETWORK = (16, 12, 10, 9, 6, 5)
MOST_SUB_PUBLISHERS = 12


@dataclass(frozen=True)
class Publishers:
    """Every sub-publisher by index: its parents, its volume and its random effects.

    `volume` adds up to one; the effects multiply conversion, CTIT and retention and are drawn
    log-normally at each level, so that sub-publishers of one site resemble each other.
    """

    network: Ints
    site_id: list[str]
    sub_id: list[str]
    volume: Floats
    conversion: Floats
    stretch: Floats
    retention: Floats
    push_sub: int

    def __len__(self) -> int:
        return len(self.sub_id)


def make_publishers(seed: int) -> Publishers:
    """Draw the hierarchy, about 58 sites and 350 sub-publishers."""
    rng = stream(seed, "publishers")
    network: list[int] = []
    site_id: list[str] = []
    sub_id: list[str] = []
    volume: list[float] = []
    effects: list[Floats] = []
    spread = np.array([0.35, 0.15, 0.20])  # conversion, CTIT, retention
    numbers = rng.permutation(90_000)[: sum(SITES_PER_NETWORK)] + 10_000
    for index, (_, share, _) in enumerate(NETWORKS):
        of_network = rng.normal(0.0, spread * 0.6)
        for site_share in zipf_weights(SITES_PER_NETWORK[index], 1.0):
            of_site = of_network + rng.normal(0.0, spread)
            number = str(numbers[len(set(site_id))])
            subs = int(rng.integers(2, MOST_SUB_PUBLISHERS))
            for rank, sub_share in enumerate(zipf_weights(subs, 0.9)):
                network.append(index)
                site_id.append(number)
                sub_id.append(f"{number}_{rank + 1:03d}")
                volume.append(share * site_share * sub_share)
                effects.append(of_site + rng.normal(0.0, spread))
    multipliers = np.exp(np.array(effects))
    return Publishers(
        network=np.array(network, dtype=np.int64),
        site_id=site_id,
        sub_id=sub_id,
        volume=np.array(volume) / sum(volume),
        conversion=multipliers[:, 0],
        stretch=multipliers[:, 1],
        retention=multipliers[:, 2],
        push_sub=network.index(PUSH_NETWORK),
    )


def allot_sub_publishers(
    publishers: Publishers, seed: int, wanted: tuple[int, ...]
) -> tuple[Ints, ...]:
    """Give each actor sub-publishers of its own, from middling to large honest volume.

    They keep their honest traffic, so that fraud hides in clean volume and a name is no proof.
    The very largest and the push network stay clean, and every network holds both kinds.
    """
    rng = stream(seed, "actors")
    order = np.argsort(publishers.volume, kind="stable")
    eligible = order[len(order) // 2 : 97 * len(order) // 100]
    eligible = eligible[publishers.network[eligible] != PUSH_NETWORK]
    shuffled = rng.permutation(eligible)
    bounds = np.cumsum(wanted)[:-1]
    return tuple(np.split(shuffled[: sum(wanted)], bounds))
