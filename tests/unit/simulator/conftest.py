"""The worlds that tests of the simulator share; each is written once."""

import polars as pl
import pytest
from simulated_reports import Reports, scenario

from clickward.simulator import Scenario, simulate
from clickward.simulator.attacks import NAMES
from clickward.simulator.scenario import Actor, Defender

SEED = 11


@pytest.fixture(scope="session")
def small() -> Scenario:
    """The demo's first look, in 6 days."""
    return scenario("demo", days=6, clicks=40_000, seed=SEED)


@pytest.fixture(scope="session")
def reports(small: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """The small world, written."""
    out = tmp_path_factory.mktemp("small") / "world"
    return Reports(out, simulate(small, out))


@pytest.fixture(scope="session")
def installs(reports: Reports) -> pl.DataFrame:
    """Labelled distinct installs of the small world."""
    return reports.labelled()


@pytest.fixture(scope="session")
def every_attack() -> Scenario:
    """Ten actors of equal budget, one for each attack, whom nobody blocks."""
    ratios = {"click_flooding": 2.5, "ad_stacking": 1.5}
    actors = [
        Actor(
            name=f"{name}_crew",
            attack=name,
            budget=0.12,
            click_ratio=ratios.get(name, 0.3),
            ramp=0.0,
            mimicry=0.1,
        )
        for name in NAMES
    ]
    # Organic installs enough to be stolen by three.
    traffic = scenario("demo").traffic.model_copy(update={"organic_share": 0.5})
    return scenario(
        "demo",
        days=8,
        clicks=80_000,
        seed=SEED,
        traffic=traffic,
        actors=tuple(actors),
        defender=Defender(vigilance=0.0),
        verdicts=(),
    )


@pytest.fixture(scope="session")
def attacked(every_attack: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """The world of all ten attacks, written."""
    out = tmp_path_factory.mktemp("attacked") / "world"
    return Reports(out, simulate(every_attack, out))


@pytest.fixture(scope="session")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """Hardly any fraud among many hard negatives, at the demo's conversion."""
    out = tmp_path_factory.mktemp("quiet") / "world"
    busy = scenario("quiet", days=10, clicks=60_000, traffic=scenario("demo").traffic)
    return Reports(out, simulate(busy, out))
