"""The explorer in a live JupyterLab: an analyst's way through it, each number counted again.

The tests stand in the order of the story that docs/tutorials/explorer.md tells, on one page.
"""

import csv
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from reckoning import Reckoning, rows_of
from scored_world import SCHEMA, World

from clickward.warehouse.connection import connection
from tests.harness import use_schema
from tests.integration.explorer_page.browser import Page, open_chromium
from tests.integration.explorer_page.jupyter import WHO, copy_store, jupyterlab, write_notebook
from tests.integration.explorer_page.live import clickward, open_notebook
from tests.integration.explorer_page.page_reckoning import best_threshold, numbers
from tests.oracles.evidence import events_of
from tests.oracles.facts import Row

pytestmark = pytest.mark.full
needs_browser = pytest.mark.needs("browser")
DOCS = Path(__file__).resolve().parents[4] / "docs"
CODE = """from clickward.analysis.explorer import Explorer

Explorer("fs_install", export_to="evidence")"""
DAY = timedelta(days=1)
# Where the story looks: the days since the attack began, and the network that sends it.
SINCE, NETWORK, ATTACK = "2026-01-16", "mangomob_int", "smart_bots"
NAME, WHY = "money_week_3", "Fewer honest installs rejected; smart bots need new training"


@dataclass
class Lab:
    """The live page, and the rows, models and costs it should tell of."""

    page: Page
    store: Path
    folder: Path
    rows: pl.DataFrame
    payload: dict[str, Any]
    score: str
    costs: dict[str, float]
    world: World

    @property
    def operating(self) -> float:
        return float(self.payload["models"][0]["operating"]["value"])

    @property
    def edges(self) -> list[float]:
        return list(self.payload["edges"][self.score])

    def since(self) -> pl.DataFrame:
        return self.rows.filter(pl.col("day") >= SINCE)

    def ask(self, *words: str | Path) -> Any:
        return clickward(self.world.project, self.store, SCHEMA, *words)

    def label(self, model: dict[str, Any]) -> str:
        """A model as the page's list of them names it."""
        role = f" ({model['role']})" if model["role"] else ""
        return f"{model['version']}{role}, n {model['n']:,}"

    def shows(
        self, rows: pl.DataFrame, threshold: float, verdict: str = "state", score: str | None = None
    ) -> dict[str, Any]:
        """The page shows these rows' numbers, counted here; returns them."""
        wanted = numbers(rows, score or self.score, threshold, self.costs, verdict)
        shown = self.page.number
        assert shown("threshold") == threshold
        assert shown("days") == rows.height
        assert (shown("flagged"), shown("flagged", "n")) == (wanted["flagged"], wanted["n"])
        assert shown("spend") == pytest.approx(wanted["spend"])
        assert shown("net") == pytest.approx(wanted["net"])
        for metric in ("precision", "recall", "fpr"):
            for part, value in (wanted[metric] or {"value": None}).items():
                told = shown(metric, part)
                assert told is value is None or told == pytest.approx(value), (metric, part)
        return wanted

    def lists(self, ids: list[str], what: str) -> None:
        """The page lists exactly these rows in this order."""
        self.page.wait(lambda: self.page.keys("rows") == ids, f"{len(ids)} rows of {what}")


def as_frame(rows: list[Row]) -> pl.DataFrame:
    """The oracle's rows as the page's reckoning takes them."""
    return pl.DataFrame(
        [row | row["score"] | {"day": str(row["day"]), "payout": row["paid"]} for row in rows],
        infer_schema_length=None,
    )


def mean_costs(rows: pl.DataFrame) -> dict[str, float]:
    """Means of paid rows, of reviews those of all, as the page shows them."""
    paid = rows.filter(pl.col("payout").is_not_null())
    parts = {"payout": paid["payout"], "dispute": paid["dispute"], "review": rows["review"]}
    return {name: round(float(column.mean()), 4) for name, column in parts.items()}  # type: ignore[arg-type]


_open: dict[str, Lab] = {}


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    driver = open_chromium()
    yield Page(driver)
    driver.quit()


@pytest.fixture(scope="module")
def server(
    world: World, store: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path, Path]]:
    """JupyterLab on a copy of the scored world's store: address, folder, store."""
    home = tmp_path_factory.mktemp("live")
    with pytest.MonkeyPatch.context() as patch:
        use_schema(patch, SCHEMA)
        with connection(world.project) as warehouse:
            copy = copy_store(warehouse, Path(store), home / "store")
    folder = home / "notebooks"
    folder.mkdir()
    write_notebook(folder, CODE)
    with jupyterlab(folder, world.project, copy, SCHEMA) as address:
        yield address, folder, copy
    _open.clear()


@pytest.fixture
def lab(
    server: tuple[str, Path, Path], browser: Page, rows: list[Row], payload: dict[str, Any],
    world: World,
) -> Lab:  # fmt: skip
    """The explorer, opened once in the live notebook; the tests go on where the last one ended."""
    if "lab" not in _open:
        address, folder, store = server
        open_notebook(browser, address, "explorer.ipynb")
        frame = as_frame(rows)
        _open["lab"] = Lab(
            browser, store, folder, frame, payload, world.champion, mean_costs(frame), world
        )
    return _open["lab"]


@pytest.fixture
def picture(browser: Page) -> Callable[[str, str], None]:
    """Takes a picture for the story where CLICKWARD_SCREENSHOTS asks for them."""

    def take(view: str, name: str) -> None:
        if os.environ.get("CLICKWARD_SCREENSHOTS"):
            browser.screenshot(f"[data-view={view}]", DOCS / "images" / f"{name}.png")

    return take


def missed_of(lab: Lab) -> pl.DataFrame:
    """Verdicts of fraud of the story's network and days that the model passes, as listed."""
    own = lab.since().filter(pl.col("publisher") == NETWORK, pl.col("state") == "fraud")
    return own.filter(pl.col(lab.score) < lab.operating).sort(lab.score, "at", "id")


@needs_browser
def test_the_threshold_moves_and_each_number_is_that_of_the_rows(lab: Lab) -> None:
    assert lab.payload["models"][0]["version"] == lab.score
    lab.shows(lab.rows, lab.operating)
    for edge in (12, 60, 97):
        lab.page.set("[data-control=threshold]", edge)
        lab.shows(lab.rows, lab.edges[edge])
    lab.page.click("[data-threshold=balanced]")
    lab.shows(lab.rows, lab.operating)


@needs_browser
def test_days_are_brushed(lab: Lab, picture: Callable[[str, str], None]) -> None:
    everything = lab.page.number("days")
    lab.page.drag("[data-view=days] svg", 0.25, 0.6)
    lab.page.wait(lambda: lab.page.number("days") != everything, "the brush")
    first, last = lab.page.text("days").split(":")[0].split(" to ")
    brushed = lab.rows.filter(pl.col("day").is_between(pl.lit(first), pl.lit(last)))
    assert 2 <= brushed["day"].n_unique() <= 5
    lab.shows(brushed, lab.operating)
    lab.page.click("[data-control=all-days]")
    lab.shows(lab.rows, lab.operating)
    lab.page.drag("[data-view=days] svg", 0.22, 0.97)
    lab.page.wait(lambda: lab.page.text("days").startswith(SINCE), "the brush")
    lab.shows(lab.since(), lab.operating)
    picture("days", "explorer_days")


@needs_browser
def test_a_found_slice_opens_its_rows(lab: Lab, picture: Callable[[str, str], None]) -> None:
    place, best = next(
        (place, one) for place, one in enumerate(lab.payload["slices"])
        if one["model"] == lab.score and one["kind"] == "false_alarm" and len(one["where"]) == 1
    )  # fmt: skip
    picture("slices", "explorer_slices")
    lab.page.pick("slices", str(place))
    [(name, value)] = best["where"].items()
    own = lab.since().filter(pl.col(name) == value)
    lab.shows(own, lab.operating)
    alarms = own.filter(pl.col("state") == "honest", pl.col(lab.score) >= lab.operating)
    lab.lists(alarms.sort([lab.score, "at", "id"], descending=[True, False, False])["id"].to_list(),
              f"false alarms of {value}")  # fmt: skip


@needs_browser
def test_a_pair_of_segments_is_counted_by_the_store(lab: Lab) -> None:
    """The bins of the page do not hold it: the kernel is asked, for the other model here."""
    place, pair = next(
        (place, one) for place, one in enumerate(lab.payload["slices"]) if len(one["where"]) == 2
    )
    other = next(one for one in lab.payload["models"] if one["version"] == pair["model"])
    lab.page.choose("model", lab.label(other))
    lab.page.pick("slices", str(place))
    lab.page.wait(lambda: lab.page.number("flagged") is not None, "the bins of a pair")
    own = lab.since()
    for name, value in pair["where"].items():
        own = own.filter(pl.col(name) == value)
    lab.shows(own, other["operating"]["value"], score=other["version"])
    lab.page.click("[data-control=clear-slice]")
    lab.page.choose("model", lab.label(lab.payload["models"][0]))
    lab.shows(lab.since(), lab.operating)


@needs_browser
def test_the_network_whose_fraud_passes(lab: Lab, picture: Callable[[str, str], None]) -> None:
    lab.page.choose("slice-dimension", "Publisher")
    lab.page.choose("slice-value", NETWORK)
    own = lab.since().filter(pl.col("publisher") == NETWORK)
    wanted = lab.shows(own, lab.operating)
    assert wanted["recall"]["value"] < 0.75
    lab.page.choose("judge", "hidden truth (simulated)")
    lab.shows(own, lab.operating, "truth")
    lab.page.choose("judge", "verdicts known")

    lab.page.choose("side", "fraud, passed")
    lab.page.click("[data-control=read-rows]")
    missed = missed_of(lab)
    lab.lists(missed["id"].to_list(), "missed fraud")
    for cells, row in zip(lab.page.table("rows"), missed.iter_rows(named=True), strict=True):
        assert cells[2:6] == [row["app"], NETWORK, row["subpublisher"],
                              row["country"]]  # fmt: skip
        assert cells[6].endswith(" s")
        assert float(cells[6][:-2]) == pytest.approx(row["ctit"], rel=1e-3)
        assert float(cells[8]) == pytest.approx(row[lab.score], rel=1e-3)
        assert cells[9:] == ["fraud", row["attack"] or row["truth"]]
    picture("rows", "explorer_rows")


@needs_browser
def test_a_row_tells_its_reasons_and_raw_events(
    lab: Lab, known: Reckoning, rows: list[Row], picture: Callable[[str, str], None]
) -> None:
    first = missed_of(lab)["id"][0]
    lab.page.pick("rows", first)
    lab.page.wait(lambda: lab.page.find_all("[data-metric=story-id]"), "the story")
    assert lab.page.text("story-id") == first
    told = [one.text for one in lab.page.find_all("[data-list=reasons] li")]
    said = next(row for row in rows if row["id"] == first)["reasons"][lab.score]
    assert len(told) == len(said) > 0
    assert [tuple(cells) for cells in lab.page.table("events")] == told_of(known, first)
    picture("story", "explorer_story")


def told_of(known: Reckoning, install: str) -> list[tuple[str, ...]]:
    """The events around an install as the page has them, from the core tables."""
    own = next(row for row in known.installs if row["install_id"] == install)
    first = f"event_date >= '{own['event_date'] - DAY:%Y-%m-%d}'"
    clicks = rows_of(known.warehouse, "core", "clicks", first)
    return [
        (one["at"].replace("T", " "), one["kind"], one["says"], ", ".join(one["relations"]))
        for one in events_of(own, clicks, known.installs, known.events)
    ]


@needs_browser
def test_the_evidence_on_disk_is_what_was_listed(lab: Lab) -> None:
    lab.page.click("[data-control=export]")
    lab.page.wait(lambda: "written to" in lab.page.text("rows"), "the file")
    [file] = (lab.folder / "evidence").glob("missed-*.csv")
    missed = missed_of(lab)
    assert lab.page.text("rows") == (
        f"{missed.height} rows with their evidence written to evidence/{file.name}"
    )
    with file.open(newline="", encoding="utf-8") as lines:
        saved = list(csv.DictReader(lines))
    assert [row["id"] for row in saved] == missed["id"].to_list()
    for row, wanted in zip(saved, missed.iter_rows(named=True), strict=True):
        assert float(row["score"]) == wanted[lab.score]
        assert float(row["ctit_seconds"]) == pytest.approx(wanted["ctit"])
        assert row["payout"] == ("" if wanted["payout"] is None else str(wanted["payout"]))
        assert (row["model"], float(row["threshold"])) == (lab.score, lab.operating)
        assert (row["state"], row["flagged"]) == ("fraud", "0")
        assert row["reasons"]
        assert "attack" not in row, "the hidden truth is no evidence"


@needs_browser
def test_a_threshold_is_saved_with_who_and_why(
    lab: Lab, picture: Callable[[str, str], None]
) -> None:
    before = lab.ask("thresholds", "list", lab.score)
    lab.page.click("[data-control=clear-slice]")
    lab.page.click("[data-control=best]")
    best, net = best_threshold(lab.since(), lab.score, lab.edges, lab.costs)
    lab.shows(lab.since(), best)
    assert lab.page.number("best-net") == pytest.approx(net)

    lab.page.set("[data-control=save-name]", NAME)
    lab.page.click("[data-control=save]")
    assert not lab.page.text("saved"), "without a why the browser sends nothing"
    lab.page.set("[data-control=save-why]", WHY)
    lab.page.click("[data-control=save]")
    lab.page.wait(lambda: lab.page.text("saved"), "the answer")
    assert lab.page.text("saved") == f"Saved: {NAME} of {lab.score} at {best!r}, by {WHO}."
    picture("threshold", "explorer_threshold")

    [added] = [row for row in lab.ask("thresholds", "list", lab.score) if row not in before
               and row["name"] == NAME]  # fmt: skip
    assert (added["threshold"], added["set_by"], added["reason"]) == (best, WHO, WHY)
    assert added["is_operating"]
    assert added["is_current"]


@needs_browser
def test_the_claim_holds_the_flagged_and_paid(lab: Lab, tmp_path: Path) -> None:
    out = tmp_path / "claim.csv"
    told = lab.ask("claims", "export", "--network", NETWORK, "--month", "2026-01",
                   "--out", out, "--reason", "smart bots since 16 January")  # fmt: skip
    claimed = claimed_of(lab)
    assert (told["installs"], told["amount"]) == (
        claimed.height,
        pytest.approx(claimed["payout"].sum()),
    )
    with out.open(newline="", encoding="utf-8") as lines:
        saved = list(csv.DictReader(lines))
    assert [row["install_id"] for row in saved] == claimed.sort("at", "id")["id"].to_list()
    [kept] = lab.ask("claims", "list")
    assert (kept["claim_id"], kept["claimed_by"]) == (told["claim_id"], WHO)


def claimed_of(lab: Lab) -> pl.DataFrame:
    """The network's flagged installs that somebody paid for."""
    own = lab.rows.filter(pl.col("publisher") == NETWORK, pl.col("payout").is_not_null())
    return own.filter(pl.col(lab.score) >= lab.operating)


def percent(rate: dict[str, float]) -> str:
    """A rate with its interval as the page writes it."""
    return f"{100 * rate['value']:.1f} % ({100 * rate['low']:.1f} % to {100 * rate['high']:.1f} %)"


def test_the_story_is_true_of_this_world(rows: list[Row], payload: dict[str, Any]) -> None:
    """Each number that docs/tutorials/explorer.md tells, counted from the rows."""
    text = " ".join((DOCS / "tutorials" / "explorer.md").read_text().split())
    everything, champion = as_frame(rows), payload["models"][0]
    score, operating = pl.col(champion["version"]), champion["operating"]["value"]
    since = everything.filter(pl.col("day") >= SINCE)
    own = since.filter(pl.col("publisher") == NETWORK)
    costs = mean_costs(everything)

    def counted(of: pl.DataFrame, threshold: float, verdict: str = "state") -> dict[str, Any]:
        return numbers(of, champion["version"], threshold, costs, verdict)

    now, of_own, in_truth = (
        counted(since, operating), counted(own, operating), counted(own, operating, "truth")
    )  # fmt: skip
    missed = own.filter(pl.col("state") == "fraud", score < operating)
    passed = own.filter(pl.col("truth") == "fraud", score < operating)
    attack = since.filter(pl.col("attack") == ATTACK)
    edges = payload["edges"][champion["version"]]
    least = max(edge for edge in edges if edge <= missed[champion["version"]].min())
    best, _ = best_threshold(since, champion["version"], edges, costs)
    low, high = counted(since, least), counted(since, best)
    [sure] = [one for one in payload["slices"]
              if one["model"] == champion["version"] and one["p_adjusted"] < 0.05]  # fmt: skip
    claimed = everything.filter(
        pl.col("publisher") == NETWORK, pl.col("payout").is_not_null(), score >= operating
    )
    first = missed.sort(champion["version"]).row(0, named=True)
    truth_of_missed = missed["attack"].to_list()
    tells = [
        f"{now['n']} installs, of which the model flags {now['flagged']}",
        f"Of the {now['recall']['n']} with a verdict of fraud it caught {percent(now['recall'])}",
        f"of {sure['where']['publisher']}'s {sure['n']} honest installs {sure['errors']} are"
        f" flagged ({100 * sure['rate']:.1f} %, overall {100 * sure['overall']:.1f} %,"
        f" adjusted p {sure['p_adjusted']:.2g})",
        f"{NETWORK} stands out: {of_own['n']} installs, {of_own['recall']['n']} verdicts of fraud,"
        f" recall {percent(of_own['recall']).split('(')[1].rstrip(')')}",
        f"{missed.height} installs, the lowest scores first",
        f"The first is from {first['at'].day} January and scored {first[champion['version']]:.4f}",
        f"writes the {missed.height} rows",
        f"{truth_of_missed.count(ATTACK)} of the {missed.height} are smart bots",
        f"sent {in_truth['recall']['n']} frauds these days and {passed.height} passed,"
        f" {passed.filter(pl.col('attack') == ATTACK).height} of them smart bots",
        f"of its {attack.height} installs the model flags"
        f" {attack.filter(score >= operating).height}",
        f"the model flags {low['flagged']} of {low['n']} installs and net saved falls from"
        f" −{-now['net']:.2f} USD to −{-low['net']:.2f} USD",  # noqa: RUF001
        f"moves it from {operating:.4f} to {best:.4f}: {high['flagged']} flagged,"
        f" precision {percent(high['precision'])}, net saved {high['net']:.2f} USD",
        f"recall falls to {percent(high['recall'])}, n {high['recall']['n']}",
        f"{claimed.height} installs, {claimed['payout'].sum():.2f} USD",
        f"{claimed.filter(pl.col('truth') == 'fraud').height} of the {claimed.height} are fraud",
    ]  # fmt: skip
    assert [one for one in tells if one not in text] == []
    assert missed.filter(pl.col("subpublisher").str.ends_with("37568/37568_001")).height == 2
    assert truth_of_missed.count(None) == 1
    assert min(attack["day"]) == SINCE
    assert everything.filter(pl.col("attack") == ATTACK, pl.col("day") < SINCE).is_empty()
    assert sure["kind"] == "false_alarm"
    for picture in re.findall(r"images/(\w+\.png)", text):
        size = (DOCS / "images" / picture).stat().st_size
        assert size < 150_000, picture
