"""The report as a page: rows behind a slice, no network, quick, and usable by everybody."""

# ruff: noqa: E501, RUF001  # scripts of the browser; signs as the page shows them

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.integration.explorer_page.browser import Page
from tests.integration.explorer_page.made_rows import A, make_payload, make_rows
from tests.integration.explorer_page.page_reckoning import numbers

pytestmark = [pytest.mark.full, pytest.mark.needs("browser")]

Picture = Callable[[str, str], None]
COSTS = {"payout": 2.0, "dispute": 0.5, "review": 0.1}
CONTRAST = """
const shade = (text) => {
  const [r, g, b] = text.match(/[\\d.]+/g).map((part) => Number(part) / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const root = getComputedStyle(document.querySelector(".cw"));
const paper = shade(root.backgroundColor);
const probe = document.createElement("i");
document.querySelector(".cw").append(probe);
const told = {};
for (const name of ["ink", "quiet", "flagged", "passed", "baseline"]) {
  probe.style.color = `var(--cw-${name})`;
  const ink = shade(getComputedStyle(probe).color);
  told[name] = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
}
probe.remove();
return told;
"""


def test_a_slice_opens_its_rows_with_reasons_and_events(
    opened: Page, rows: pl.DataFrame, payload: dict[str, Any], picture: Picture
) -> None:
    opened.pick("slices", "0")
    own = rows.filter(publisher="network03_int")
    threshold = payload["models"][0]["operating"]["value"]
    wanted = numbers(own, A, threshold, COSTS)
    assert opened.number("flagged") == wanted["flagged"]
    assert opened.number("flagged", "n") == own.height
    assert opened.number("recall") == pytest.approx(wanted["recall"]["value"])

    missed = own.filter(pl.col("state") == "fraud").head(40).filter(pl.col(A) < threshold)
    opened.wait(lambda: opened.keys("rows") == missed["id"].to_list(), "the rows of the slice")
    first = missed.row(0, named=True)
    cells = opened.table("rows")[0]
    assert cells[:6] == [first["id"], first["at"].replace("T", " "), first["app"],
                         "network03_int", "–", first["country"]]  # fmt: skip
    assert float(cells[8]) == pytest.approx(first[A], rel=1e-3)

    opened.choose("from", payload["days"][15])
    late = missed.filter(pl.col("day") >= 15)["id"].to_list()
    opened.wait(lambda: opened.keys("rows") == late, "the rows of these days")
    opened.pick("rows", late[0])
    assert opened.text("story-id") == late[0]
    seconds = missed.filter(id=late[0])["ctit_seconds"].item()
    assert opened.find("[data-list=reasons]").text == (
        f"The install began {seconds:g} seconds after its click."
    )
    assert opened.table("events")[0][1:] == [
        "click",
        "of a network <b>&",
        "the click that claims it, same device",
    ]
    opened.click("[data-control=clear-slice]")
    assert opened.text("slice") == "All rows"
    opened.find('[data-view="story"] .cw-empty')


def test_a_pair_of_segments_says_that_the_report_has_no_bins_of_it(opened: Page) -> None:
    opened.pick("slices", "1")
    assert opened.text("flagged") == "not in the bins: ask the notebook"
    assert opened.number("recall") is None
    assert opened.keys("rows"), "its rows are there all the same"


def test_evidence_is_saved_from_the_page(
    opened: Page, payload: dict[str, Any], tmp_path: Path
) -> None:
    opened.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    opened.pick("slices", "0")
    opened.wait(lambda: "network03_int" in opened.table("rows")[0], "the rows of the slice")
    opened.click("[data-control=csv]")
    file = tmp_path / "evidence.csv"
    opened.wait(file.is_file, "the file")
    with file.open(newline="", encoding="utf-8") as lines:
        saved = list(csv.DictReader(lines))
    assert [row["id"] for row in saved] == opened.keys("rows")
    known = {row["id"]: row for row in payload["rows"]["0"]}
    for row in saved:
        assert json.loads(row["events"]) == known[row["id"]]["events"]
        assert (row["currency"], row["payout_currency"]) == ("USD", "USD")
        assert float(row["ctit_seconds"]) == known[row["id"]]["ctit_seconds"]


def test_the_command_to_save_a_threshold_is_one_shell_command(
    opened: Page, payload: dict[str, Any]
) -> None:
    opened.set("[data-control=threshold]", 95)
    opened.set("[data-control=save-name]", "bots_week")
    opened.set("[data-control=save-why]", "it's 3 networks")
    assert opened.text("command") == (
        f"clickward thresholds set {A} bots_week {payload['edges'][A][95]!r}"
        " --reason 'it'\\''s 3 networks'"
    )
    assert not opened.find_all("[data-control=save]"), "a report cannot write"


def test_nothing_is_fetched_and_nothing_could_be(opened: Page) -> None:
    asked = [
        json.loads(entry["message"])["message"]["params"]["request"]["url"]
        for entry in opened.driver.get_log("performance")
        if '"Network.requestWillBeSent"' in entry["message"]
    ]
    assert asked
    assert {url.split(":")[0] for url in asked} <= {"file", "data", "blob"}
    assert not opened.complaints()
    blocked = opened.driver.execute_async_script(
        """const done = arguments[0];
        document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
        fetch("http://127.0.0.1:9/planted").catch(() => {});"""
    )
    assert blocked == "connect-src"
    opened.driver.execute_script(
        """const planted = document.createElement("script");
        planted.textContent = "globalThis.planted = 1";
        document.body.append(planted);"""
    )
    assert opened.driver.execute_script("return globalThis.planted") is None
    assert opened.complaints(), "the planted script was refused aloud"


def test_a_threshold_move_at_the_size_of_ten_million_rows(
    made_page: Callable[[dict[str, Any]], None], page: Page
) -> None:
    # Bins do not grow with rows: 250,000 rows fill as many cells as a report of ten million keeps.
    rows = make_rows(250_000, 30, publishers=50)
    large = make_payload(rows)
    cells = sum(len(d["count"]) for bins in large["bins"].values() for d in bins.values())
    assert cells > 240_000
    made_page(large)
    edge = 80
    told = page.move_and_watch(edge)
    wanted = numbers(rows, A, large["edges"][A][edge], COSTS)
    assert told["flagged"] == wanted["flagged"], "the figures stand when the event is over"
    assert 0 < told["touched"] < 2_000, "what is drawn anew does not grow with the cells"


def test_by_keyboard_alone(opened: Page) -> None:
    seen = []
    for _ in range(8):
        opened.driver.switch_to.active_element.send_keys(Keys.TAB)
        element = opened.driver.switch_to.active_element
        seen.append(
            element.get_attribute("data-control") or element.get_attribute("data-threshold")
        )
    assert seen[:6] == ["model", "judge", "threshold", "balanced", "from", "to"]

    button = opened.find('[data-table="slices"] button')
    opened.driver.execute_script("arguments[0].focus()", button)
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    assert opened.driver.execute_script(outline) == "solid"
    button.send_keys(Keys.ENTER)
    assert "network03_int" in opened.text("slice")


def test_everything_has_a_name(opened: Page) -> None:
    unnamed = opened.driver.execute_script(
        """return [...document.querySelectorAll("select, input, button, svg, table, section, figure")]
          .filter((one) => {
            if (one.tagName === "TABLE") return !one.caption?.textContent;
            if (one.matches("svg, figure")) return !one.getAttribute("aria-label");
            if (one.tagName === "SECTION") return !document.getElementById(one.getAttribute("aria-labelledby"));
            return !(one.textContent.trim() || one.labels?.length || one.getAttribute("aria-label"));
          }).map((one) => one.outerHTML.slice(0, 100))"""
    )
    assert unnamed == []
    assert len(opened.find_all("svg")) >= 8
    assert len(opened.find_all("section")) == 12


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_stand_out_in(scheme: str, opened: Page, picture: Picture) -> None:
    wanted = {"name": "prefers-color-scheme", "value": scheme}
    opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [wanted]})
    try:
        contrast = opened.driver.execute_script(CONTRAST)
        assert contrast["ink"] >= 7
        assert contrast["quiet"] >= 4.5
        assert min(contrast[name] for name in ("flagged", "passed", "baseline")) >= 3
        axis = opened.driver.execute_script(
            "return getComputedStyle(document.querySelector('svg .role-axis-label text')).fill"
        )
        assert axis == ("rgb(26, 26, 26)" if scheme == "light" else "rgb(236, 236, 236)")
        if scheme == "dark":
            picture("[data-view=threshold]", "explorer_dark")
    finally:
        opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_it_prints_light_and_whole(opened: Page) -> None:
    dark = {"name": "prefers-color-scheme", "value": "dark"}
    opened.driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"media": "print", "features": [dark]}
    )
    try:
        facts = opened.driver.execute_script(
            """const shown = (one) => getComputedStyle(one).display !== "none";
            return {
              paper: getComputedStyle(document.querySelector(".cw")).backgroundColor,
              sliders: [...document.querySelectorAll("input[type=range]")].filter(shown).length,
              cut: [...document.querySelectorAll(".cw-scroll")].filter((one) => one.scrollHeight > one.clientHeight + 1).length,
              rows: document.querySelectorAll("[data-table=missed] tbody tr").length,
            }"""
        )
    finally:
        opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    assert facts == {"paper": "rgb(255, 255, 255)", "sliders": 0, "cut": 0, "rows": 50}


def test_a_report_of_little_says_what_is_missing(
    made_page: Callable[[dict[str, Any]], None], page: Page, payload: dict[str, Any]
) -> None:
    bare = payload | {"folds": [], "unseen": [], "drift": [], "slices": [], "pairs": [],
                      "calibration": {}, "attacks": [], "disagreements": {}, "rows": {},
                      "has_truth": False, "models": payload["models"][:1],
                      "costs": COSTS | {"payout": None}}  # fmt: skip
    made_page(bare)
    said = page.find("body").text
    for words in ("clickward validate makes one", "--leave-one-attack-out", "clickward monitor",
                  "tells no probabilities", "No segment errs more", "score a challenger"):  # fmt: skip
        assert words in said, words
    assert page.number("net") is None
    assert not page.driver.find_elements(By.CSS_SELECTOR, "[data-control=judge]")
    assert not page.complaints()
