"""One browser and one report of made rows for all tests of the page."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from clickward.analysis.explorer.page import make_page
from tests.integration.explorer_page.browser import Page, open_chromium
from tests.integration.explorer_page.made_rows import make_payload, make_rows

DAYS = 21
IMAGES = Path(__file__).resolve().parents[3] / "docs" / "images"


@pytest.fixture(scope="session")
def rows() -> pl.DataFrame:
    """Raw scored installs; one network has so few that its rate says nothing."""
    made = make_rows(6000, DAYS)
    few = made.filter(publisher="network00_int").head(9)
    return pl.concat([made.filter(pl.col("publisher") != "network00_int"), few])


@pytest.fixture(scope="session")
def payload(rows: pl.DataFrame) -> dict[str, Any]:
    return make_payload(rows)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the chart library is kept, so that it is bundled once."""
    return tmp_path_factory.mktemp("library")


@pytest.fixture(scope="session")
def report(
    payload: dict[str, Any], library: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The report as a file."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    page = make_page(json.dumps(payload).encode(), str(payload["title"]), library)
    path.write_text(page, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def page() -> Iterator[Page]:
    """A browser, for one test at a time."""
    driver = open_chromium()
    yield Page(driver)
    driver.quit()


@pytest.fixture
def opened(page: Page, report: Path) -> Page:
    """The report, opened anew."""
    page.driver.get(report.as_uri())
    page.wait_ready()
    return page


@pytest.fixture
def picture(page: Page) -> Callable[[str, str], None]:
    """Takes a picture for the documentation where CLICKWARD_SCREENSHOTS asks for them."""

    def take(selector: str, name: str) -> None:
        if os.environ.get("CLICKWARD_SCREENSHOTS"):
            page.screenshot(selector, IMAGES / f"{name}.png")

    return take


@pytest.fixture
def made_page(page: Page, library: Path, tmp_path: Path) -> Callable[[dict[str, Any]], None]:
    """Opens the report of another payload."""

    def make(payload: dict[str, Any]) -> None:
        path = tmp_path / "other.html"
        path.write_text(make_page(json.dumps(payload).encode(), "Other", library), encoding="utf-8")
        page.driver.get(path.as_uri())
        page.wait_ready()

    return make
