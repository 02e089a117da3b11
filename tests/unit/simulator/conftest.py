"""One small world for all tests of the simulator."""

import polars as pl
import pytest
from simulated_reports import CLICKS, DAYS, SEED, Reports

from simulator import simulate


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """A world of 5 days and 60,000 clicks."""
    out = tmp_path_factory.mktemp("simulated") / "world"
    return Reports(out, simulate(out, days=DAYS, clicks=CLICKS, seed=SEED))


@pytest.fixture(scope="session")
def installs(reports: Reports) -> pl.DataFrame:
    """Labelled distinct installs of the world."""
    return reports.labelled()
