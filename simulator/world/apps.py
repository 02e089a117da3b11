"""Advertised apps: volume, size, geography, conversion, retention, payout and releases."""

from dataclasses import dataclass

import numpy as np

from clickward.simulator.randomness import Bools, Floats, Ints, draw, stream, zipf_weights
from clickward.simulator.scenario import DAY_MS
from clickward.simulator.world.catalogue import ANDROID, COUNTRIES, IOS, KINDS, PLATFORMS

TOP_TEN_SHARE = 0.82  # measured in public click data
IOS_APPS = 0.2
SIZE_EFFECT = 0.18  # of size on click-to-install time, as a power
RELEASE_DAYS = 12
FIRST_MINOR = 18
SYLLABLES = ("ko", "pi", "ka", "sar", "dom", "pet", "ja", "lan", "si", "ar", "me", "ru", "ting")


@dataclass(frozen=True)
class Apps:
    """Every advertised app by index; `volume` adds up to one, `stretch` multiplies CTIT.

    Of an install's people a share day_one · day^-decay is active on a later day, and buys with
    chance `purchase` on an active one. `countries` has a row of click shares per app.
    """

    app_id: list[str]
    name: list[str]
    bundle: list[str]
    kind: Ints
    platform: Ints
    volume: Floats
    size_mb: Floats
    stretch: Floats
    conversion: Floats
    day_one: Floats
    decay: Floats
    purchase: Floats
    payout: Floats
    countries: Floats
    release_phase: Ints

    def __len__(self) -> int:
        return len(self.app_id)

    def draw(self, rng: np.random.Generator, count: int, android_only: bool = False) -> Ints:
        """Draw advertised apps by their volume of clicks."""
        return draw(rng, self.volume * ((self.platform == ANDROID) | (not android_only)), count)

    def release(self, app: Ints, moments_ms: Ints) -> Ints:
        """Number of the app's latest release at each moment, counted from 1970."""
        return (moments_ms + self.release_phase[app]) // (RELEASE_DAYS * DAY_MS)


def make_apps(seed: int, count: int, start_ms: int) -> Apps:
    """Draw the catalogue; the ten largest apps hold 82 % of the clicks."""
    rng = stream(seed, "apps")
    top = min(10, count)
    volume = zipf_weights(top, 0.6) * (TOP_TEN_SHARE if count > top else 1.0)
    if count > top:
        volume = np.concatenate([volume, zipf_weights(count - top, 0.8) * (1 - TOP_TEN_SHARE)])
    kind = np.arange(count) % len(KINDS)
    platform = np.where(rng.random(count) < IOS_APPS, IOS, ANDROID)
    platform[:2] = ANDROID, ANDROID  # every world has both, whatever the draw
    platform[2] = IOS
    base = {
        name: np.array([row[place] for row in KINDS], dtype=np.float64)[kind]
        for place, name in enumerate(("size", "day_one", "decay", "purchase", "payout"), start=2)
    }
    size = base["size"] * np.exp(rng.normal(0.0, 0.5, count))
    stretch = (size / np.exp(np.average(np.log(size), weights=volume))) ** SIZE_EFFECT
    names = _names(rng, count, kind)
    shares = np.array([share for *_, share in COUNTRIES])
    return Apps(
        app_id=[
            f"id{6_400_000_000 + 7_919_117 * number}" if where == IOS else f"com.{name}.app"
            for number, (name, where) in enumerate(zip(names, platform, strict=True))
        ],
        name=[name.title() for name in names],
        bundle=[
            f"com.{name}.{PLATFORMS[where]}" for name, where in zip(names, platform, strict=True)
        ],
        kind=kind,
        platform=platform,
        volume=volume,
        size_mb=size,
        stretch=stretch,
        conversion=np.exp(rng.normal(0.0, 0.3, count)),
        day_one=np.clip(base["day_one"] * np.exp(rng.normal(0, 0.12, count)), 0.05, 0.8),
        decay=base["decay"] * np.exp(rng.normal(0, 0.08, count)),
        purchase=base["purchase"] * np.exp(rng.normal(0, 0.2, count)),
        payout=np.round(base["payout"] * np.exp(rng.normal(0, 0.25, count)) + (platform == IOS), 2),
        countries=rng.dirichlet(shares * 12, count),
        release_phase=rng.integers(0, RELEASE_DAYS * DAY_MS, count) - start_ms,
    )


def _names(rng: np.random.Generator, count: int, kind: Ints) -> list[str]:
    names: list[str] = []
    while len(names) < count:
        parts = rng.choice(SYLLABLES, 3, replace=False)
        name = "".join(parts) + KINDS[kind[len(names)]][0]
        if name not in names:
            names.append(name)
    return names


def on_android(apps: Apps, app: Ints) -> Bools:
    """Which of the drawn apps are Android apps."""
    return apps.platform[app] == ANDROID
