"""`clickward report`: its file opened in a browser and held against raw rows, and its errors."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from scored_world import World

from clickward.analysis.explorer.payload import Payload, make_payload
from clickward.cli.main import app
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError
from tests.harness import where
from tests.integration.explorer_page.browser import Page, open_chromium
from tests.integration.explorer_page.page_reckoning import numbers, wilson
from tests.integration.explorer_page.test_report_numbers import assert_shows
from tests.oracles.explorer import publishers
from tests.oracles.facts import Row

COSTS = {"payout": 2.0, "dispute": 0.5, "review": 0.1}


def report(world: World, *words: str | Path) -> None:
    """Run the command on the schema of the environment."""
    app(["report", *map(str, words), *where(world.project)], standalone_mode=False)


@pytest.fixture
def opened(
    built: Warehouse, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[tuple[Page, dict[str, Any]]]:
    """The report of the world, written by the command, in a browser; and what `--json` told."""
    path = tmp_path / "new" / "report.html"
    capsys.readouterr()
    report(world, "--out", path, "--json")
    facts = json.loads(capsys.readouterr().out)
    assert [one.name for one in path.parent.iterdir()] == ["report.html"]
    assert facts["bytes"] == path.stat().st_size
    assert facts["path"] == str(path)
    driver = open_chromium()
    try:
        driver.get(path.as_uri())
        page = Page(driver)
        page.wait_ready()
        yield page, facts
    finally:
        driver.quit()


@pytest.mark.needs("browser")
def test_the_page_of_the_world_shows_what_its_rows_say(
    opened: tuple[Page, dict[str, Any]], payload: dict[str, Any], rows: list[Row], world: World
) -> None:
    page, facts = opened
    a, b = world.champion, world.challenger
    assert (facts["models"], facts["rows"]) == ([a, b], len(rows))
    assert (facts["from"], facts["to"]) == (payload["from"], payload["to"])
    frame = pl.DataFrame(
        [
            {"day": row["day"], "publisher": row["publisher"], "country": row["country"],
             "payout": row["paid"], "state": row["state"], "truth": row["truth"],
             "is_timed": row["ctit"] is not None}
            | {version: row["score"][version] for version in (a, b)}
            for row in rows
        ],
        infer_schema_length=None,
    )  # fmt: skip
    at = {one["version"]: one["operating"]["value"] for one in payload["models"]}
    assert page.number("threshold") == at[a]
    for name, value in COSTS.items():
        page.set(f"[data-cost={name}]", value)
    assert_shows(page, numbers(frame, a, at[a], COSTS))
    own = frame.filter(pl.col(a) >= at[a])
    assert page.number("publishers") == own["publisher"].n_unique()

    page.set("[data-control=threshold]", 55)
    assert_shows(page, numbers(frame, a, payload["edges"][a][55], COSTS))
    page.choose("judge", "hidden truth (simulated)")
    assert_shows(page, numbers(frame, a, payload["edges"][a][55], COSTS, "truth"))
    page.choose("judge", "verdicts known")
    page.set("[data-control=threshold]", payload["edges"][a].index(at[a]))

    page.choose("from", "2026-01-17")
    page.choose("to", "2026-01-19")
    some = frame.filter(pl.col("day").is_between(date(2026, 1, 17), date(2026, 1, 19)))
    assert_shows(page, numbers(some, a, at[a], COSTS))
    assert page.number("days") == some.height
    page.click("[data-control=all-days]")

    counts = page.find('[data-metric="ctit-n"]')
    timed, passed = frame.filter("is_timed"), frame.filter("is_timed", pl.col(a) < at[a])
    assert timed.height < frame.height
    assert counts.get_attribute("data-flagged") == str(timed.height - passed.height)
    assert counts.get_attribute("data-passed") == str(passed.height)
    flags = pl.col(a) >= at[a], pl.col(b) >= at[b]
    assert f"both flag {frame.filter(flags[0] & flags[1]).height:,}" in page.text("pair")
    assert f"only {b} {frame.filter(~flags[0] & flags[1]).height:,}" in page.text("pair")
    table = {row[0]: row[1:] for row in page.table("pairs")}
    for place, version in enumerate((a, b)):
        flagged = frame.filter(pl.col(version) >= at[version]).height
        assert table["flagged"][place] == f"{flagged:,} of n {frame.height:,}"

    shown = {row[0]: row for row in page.table("publishers")}
    assert len(shown) > 3
    for publisher, cells in shown.items():
        part = frame.filter(publisher=publisher)
        hit = part.filter(flags[0]).height
        assert cells[1:3] == [f"{part.height:,}", f"{hit:,}"]
        rate = wilson(hit, part.height)
        assert rate is not None
        if part.height >= 20:
            assert cells[3].startswith(f"{100 * rate['value']:.1f} % (")
    assert page.complaints() == []


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--from", "yesterday"], "--from 'yesterday' is no day"),
        (["--to", "2026-02-30"], "--to '2026-02-30' is no day"),
        (["--from", "2026-01-20", "--to", "2026-01-20"], "no day from 2026-01-20 to 2026-01-20"),
        (["--from", "2027-01-01"], "no day from 2027-01-01"),
        (["--out", "report.pdf"], "--out report.pdf is no HTML file"),
        (["--models", "nobody"], "no model version 'nobody'"),
        (["--feature-set", "fs_click"], "fs_click predicts"),
        (["--feature-set", "fs_none"], "fs_none"),
    ],
)
def test_what_is_asked_wrongly_is_refused_before_anything_is_written(
    built: Warehouse, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    words: list[str], error: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as raised:
        report(world, *words)
    assert error in raised.value.message
    assert raised.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("blocked_by", ["file", "folder"])
def test_a_place_that_cannot_be_written_is_named(
    built: Warehouse, world: World, tmp_path: Path, blocked_by: str
) -> None:
    out = tmp_path / "there" / "report.html"
    if blocked_by == "file":
        (tmp_path / "there").write_text("a file")
    else:
        out.mkdir(parents=True)
    with pytest.raises(UserError, match=r"report\.html cannot be written") as raised:
        report(world, "--out", out)
    assert raised.value.hint == "name another --out"
    left = [one for one in tmp_path.rglob("*") if one.name.endswith(".unfinished")]
    assert left == []


def test_a_world_without_scores_says_what_to_run(
    copied: Warehouse, world: World, tmp_path: Path
) -> None:
    name = copied.table("marts", "scored_installs")
    copied.command(f"truncate table {name}")
    with pytest.raises(UserError, match="no install is scored") as raised:
        report(world, "--out", tmp_path / "report.html")
    assert raised.value.hint == "run `clickward score fs_install`"
    copied.command(f"drop table {name}")
    with pytest.raises(UserError, match="scored_installs is not built") as raised:
        report(world, "--out", tmp_path / "report.html")
    assert raised.value.hint == "run `clickward build`"


def test_days_without_a_score_are_told_as_unknown(built: Warehouse) -> None:
    told = make_payload(built, date_from=date(2026, 2, 10), date_to=date(2026, 2, 12))
    data = json.loads(Payload(told.data).to_json())
    assert data["days"] == ["2026-02-10", "2026-02-11"]
    assert [one["n"] for one in data["models"]] == [0, 0]
    assert data["costs"] == {"payout": None, "dispute": None, "review": None}
    assert all(edges == [] for edges in data["edges"].values())
    assert data["publishers"] == data["slices"] == data["drift"] == []
    assert publishers([], date(2026, 2, 10), date(2026, 2, 12)) == {}
    for version, dimensions in data["bins"].items():
        assert all(held["count"] == [] for held in dimensions.values()), version
    [pair] = data["pairs"]
    assert (pair["n"], pair["both"], pair["rows"]) == (0, 0, [])
