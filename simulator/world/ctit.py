"""Click-to-install time (CTIT) of honest installs, and Google Play's times inside it.

Public click data fit a mixture of two log-normals in seconds: 67 % installed at once (mu 4.49,
sigma 1.36) and 33 % later (mu 9.13, sigma 0.87). An app's download size stretches both.
"""

import numpy as np

from clickward.simulator.randomness import Floats, Ints
from clickward.simulator.scenario import DAY_MS, LOOKBACK_DAYS

QUICK_SHARE = 0.67
QUICK_MU, QUICK_SIGMA = 4.49, 1.36
SLOW_MU, SLOW_SIGMA = 9.13, 0.87
SHORTEST_MS = 2_000
# People now and then tap an advertisement while the app is already downloading.
HONEST_CLICK_AFTER_BEGIN = 0.012


def honest_ctit_ms(rng: np.random.Generator, stretch: Floats) -> Ints:
    """Draw one CTIT in ms per element of `stretch`, inside the attribution lookback of 7 days."""
    count = len(stretch)
    quick = rng.random(count) < QUICK_SHARE
    logs = rng.normal(np.where(quick, QUICK_MU, SLOW_MU), np.where(quick, QUICK_SIGMA, SLOW_SIGMA))
    longest = LOOKBACK_DAYS * DAY_MS - 1
    return np.clip(1_000 * np.exp(logs) * stretch, SHORTEST_MS, longest).astype(np.int64)


def download_ms(rng: np.random.Generator, stretch: Floats) -> Ints:
    """Time from the store's install begin to the first open, ms: median about 50 s."""
    seconds = np.exp(rng.normal(3.9, 0.9, len(stretch))) * stretch
    return np.clip(1_000 * seconds, 3_000, DAY_MS).astype(np.int64)


def begin_between(rng: np.random.Generator, click_ms: Ints, install_ms: Ints) -> Ints:
    """When the store began to install after an honest click; rarely just before the click."""
    share = rng.beta(1.6, 2.6, len(click_ms))
    begin = click_ms + (share * (install_ms - click_ms)).astype(np.int64)
    early = rng.random(len(click_ms)) < HONEST_CLICK_AFTER_BEGIN
    before = click_ms - rng.integers(1_000, 60_000, len(click_ms))
    return np.where(early, before, begin)
