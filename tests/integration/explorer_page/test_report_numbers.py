"""Each number the report shows equals one computed from the raw rows."""

# ruff: noqa: RUF001  # signs as the page shows them

from typing import Any

import polars as pl
import pytest

from tests.integration.explorer_page.browser import Page
from tests.integration.explorer_page.made_rows import A, B, make_payload, paid_in
from tests.integration.explorer_page.page_reckoning import best_threshold, numbers, wilson

pytestmark = [pytest.mark.full, pytest.mark.needs("browser")]

COSTS = {"payout": 2.0, "dispute": 0.5, "review": 0.1}


def assert_shows(page: Page, wanted: dict[str, Any]) -> None:
    """The threshold view shows exactly these numbers, n and intervals with them."""
    assert page.number("flagged") == wanted["flagged"]
    assert page.number("flagged", "n") == wanted["n"]
    assert page.number("spend") == (
        None if wanted["spend"] is None else pytest.approx(wanted["spend"])
    )
    left_out = f", {wanted['unconverted']:,} not converted" if wanted["unconverted"] else ""
    assert f"{left_out}, n {wanted['flagged']:,}" in page.text("spend")
    assert ("not converted" in page.text("spend")) == bool(left_out)
    assert page.number("net") == pytest.approx(wanted["net"])
    for metric in ("precision", "recall", "fpr"):
        if wanted[metric] is None:
            assert page.number(metric) is None
            continue
        for part, value in wanted[metric].items():
            assert page.number(metric, part) == pytest.approx(value), (metric, part)
        assert f"n {wanted[metric]['n']:,}" in page.text(metric)


def inside(rows: pl.DataFrame, payload: dict[str, Any], page: Page) -> pl.DataFrame:
    """Rows of the days that the page says it looks at."""
    first, last = page.text("days").split(":")[0].split(" to ")
    return rows.filter(
        pl.col("day").is_between(payload["days"].index(first), payload["days"].index(last))
    )


@pytest.mark.parametrize("edge", [0, 37, 90, 99])
def test_a_threshold_move_shows_what_the_rows_say(
    opened: Page, rows: pl.DataFrame, payload: dict[str, Any], edge: int
) -> None:
    opened.set("[data-control=threshold]", edge)
    threshold = payload["edges"][A][edge]
    assert opened.number("threshold") == threshold
    wanted = numbers(rows, A, threshold, COSTS)
    assert_shows(opened, wanted)
    assert opened.number("publishers") == wanted["publishers"]
    assert repr(threshold) in opened.text("command")


def test_the_threshold_moves_by_keyboard_and_starts_at_the_operating_one(
    opened: Page, rows: pl.DataFrame, payload: dict[str, Any]
) -> None:
    operating = payload["models"][0]["operating"]["value"]
    assert opened.number("threshold") == operating
    opened.find("[data-control=threshold]").send_keys("\ue012")  # the key "left"
    below = payload["edges"][A][payload["edges"][A].index(operating) - 1]
    assert opened.number("threshold") == below
    assert_shows(opened, numbers(rows, A, below, COSTS))


# Where the line of the threshold stands, and the dot of the optimum.
LINE_AND_DOT = """
const [figure] = [...document.querySelectorAll("figure[aria-label]")]
  .filter((one) => one.getAttribute("aria-label").startsWith("Net saved by threshold"));
const dot = figure.querySelector(".mark-symbol path").getBoundingClientRect();
return [figure.querySelector(".cw-rule").getBoundingClientRect().left, dot.left + dot.width / 2];
"""


@pytest.mark.parametrize("payout", [2.0, 9.0, 0.01])
def test_the_marked_optimum_is_the_best_of_every_edge(
    opened: Page, rows: pl.DataFrame, payload: dict[str, Any], payout: float
) -> None:
    opened.set("[data-cost=payout]", payout)
    costs = COSTS | {"payout": payout}
    edge, net = best_threshold(rows, A, payload["edges"][A], costs)
    assert opened.number("best") == edge
    assert opened.number("best-net") == pytest.approx(net)
    if edge == payload["edges"][A][-1]:
        assert "flag nobody" in opened.text("best")
        return
    opened.click("[data-control=best]")
    assert opened.number("threshold") == edge
    assert_shows(opened, numbers(rows, A, edge, costs))


def test_the_line_of_the_threshold_goes_through_the_optimum(opened: Page) -> None:
    opened.click("[data-control=best]")
    line, dot = opened.driver.execute_script(LINE_AND_DOT)
    assert line == pytest.approx(dot, abs=2)


def test_an_unknown_payout_shows_no_money(opened: Page) -> None:
    opened.set("[data-cost=payout]", "")
    assert opened.number("net") is None
    assert opened.number("best-net") is None
    assert opened.text("net").startswith("–")


def test_a_week_by_its_days_and_by_the_brush(
    opened: Page, rows: pl.DataFrame, payload: dict[str, Any]
) -> None:
    threshold = payload["models"][0]["operating"]["value"]
    opened.choose("from", payload["days"][8])
    opened.choose("to", payload["days"][14])
    week = rows.filter(pl.col("day").is_between(8, 14))
    assert_shows(opened, numbers(week, A, threshold, COSTS))
    assert opened.number("days") == week.height

    opened.drag("[data-view=days] svg", 0.30, 0.63)
    brushed = inside(rows, payload, opened)
    assert 5 <= brushed["day"].n_unique() <= 9
    assert_shows(opened, numbers(brushed, A, threshold, COSTS))
    assert brush_width(opened) > 100
    opened.click("[data-control=all-days]")
    assert_shows(opened, numbers(rows, A, threshold, COSTS))
    assert brush_width(opened) == 0

    # The brush goes with other days, and is there to be used again.
    opened.drag("[data-view=days] svg", 0.30, 0.63)
    opened.choose("from", payload["days"][0])
    assert_shows(opened, numbers(inside(rows, payload, opened), A, threshold, COSTS))
    assert opened.text("days").startswith(payload["days"][0])
    assert brush_width(opened) == 0


def brush_width(page: Page) -> float:
    """How wide the grey box of the brush is, in pixels."""
    box = page.find("[data-view=days] svg .brush_brush path")
    return float(box.rect["width"])


def test_another_model_and_the_hidden_truth(
    opened: Page, rows: pl.DataFrame, payload: dict[str, Any]
) -> None:
    opened.choose("judge", "hidden truth (simulated)")
    first, second = (model["operating"]["value"] for model in payload["models"])
    assert_shows(opened, numbers(rows, A, first, COSTS, "truth"))
    opened.choose("model", f"{B} (challenger), n {rows.height:,}")
    assert_shows(opened, numbers(rows, B, second, COSTS, "truth"))


def test_a_slice_by_hand(opened: Page, rows: pl.DataFrame, payload: dict[str, Any]) -> None:
    opened.choose("slice-dimension", "Country")
    opened.choose("slice-value", "BR")
    threshold = payload["models"][0]["operating"]["value"]
    assert_shows(opened, numbers(rows.filter(country="BR"), A, threshold, COSTS))
    assert "without a slice" in opened.text("publishers")
    opened.click("[data-control=clear-slice]")
    assert_shows(opened, numbers(rows, A, threshold, COSTS))
    assert opened.find("[data-control=slice-value]").get_attribute("value") == ""


def test_joined_bins_are_read_at_an_exact_edge(
    opened: Page, rows: pl.DataFrame, payload: dict[str, Any], made_page: Any
) -> None:
    begins = [0, 50, 80, 90, 95]
    values = payload["bins"][A]["country"]
    coarse = values | {"bin": [max(b for b in begins if b <= bin_) for bin_ in values["bin"]]}
    bins = payload["bins"] | {A: payload["bins"][A] | {"country": coarse}}
    made_page(payload | {"bins": bins, "resolution": {A: {"country": begins}}})
    opened.choose("slice-dimension", "Country")
    opened.choose("slice-value", "BR")
    opened.set("[data-control=threshold]", 92)
    edge = payload["edges"][A][90]
    assert_shows(opened, numbers(rows.filter(country="BR"), A, edge, COSTS))
    assert f"{edge:.6g}"[:6] in opened.text("joined")


def test_money_that_no_rate_converts_is_left_out_and_counted(
    rows: pl.DataFrame, page: Page, made_page: Any
) -> None:
    yen = ["network03_int", "network05_int"]
    foreign = paid_in(rows, "JPY", yen)
    held = make_payload(foreign)
    made_page(held)
    left_out = foreign.filter(pl.col("publisher").is_in(yen))
    assert page.number("unconverted") == left_out.height
    assert page.number("unconverted", "n") == rows.height
    note = f"{left_out['payout_stated'].sum():,.2f} JPY (n {left_out.height:,})"
    assert note in page.text("unconverted")
    threshold = held["models"][0]["operating"]["value"]
    assert_shows(page, numbers(foreign, A, threshold, COSTS))
    flagged = foreign.filter(pl.col(A) >= threshold)
    shown = {row[0]: row[-1] for row in page.table("publishers")}
    for publisher, cell in shown.items():
        own = flagged.filter(publisher=publisher)
        if publisher in yen and own.height:
            assert cell == f"–, {own.height:,} not converted"
        elif publisher not in yen:
            assert cell == f"{own['payout'].sum():,.2f} USD"
    assert set(yen) <= set(shown)
    # What is left out follows the slice: of a publisher paid in yen alone nothing is known.
    page.choose("slice-dimension", "Publisher")
    page.choose("slice-value", yen[0])
    assert_shows(page, numbers(foreign.filter(publisher=yen[0]), A, threshold, COSTS))
    assert page.number("spend") is None
    page.choose("slice-value", "network01_int")
    assert_shows(page, numbers(foreign.filter(publisher="network01_int"), A, threshold, COSTS))


def test_a_row_shows_its_payout_as_stated_where_no_rate_converts_it(
    rows: pl.DataFrame, page: Page, made_page: Any
) -> None:
    foreign = paid_in(rows, "JPY", ["network03_int"])
    made_page(make_payload(foreign))
    missed = {row[0]: row for row in page.table("missed")}
    assert missed
    for row in foreign.filter(pl.col("id").is_in(list(missed))).iter_rows(named=True):
        assert payout_text(row) in missed[row["id"]]


def payout_text(row: dict[str, Any]) -> str:
    if row["payout"] is None:
        return f"{row['payout_stated']:.2f} JPY, not converted"
    return f"{row['payout']:.2f} USD"


def test_publishers_with_interval_and_movement(
    opened: Page, rows: pl.DataFrame, payload: dict[str, Any]
) -> None:
    opened.choose("from", payload["days"][14])
    threshold = payload["models"][0]["operating"]["value"]
    now, before = rows.filter(pl.col("day") >= 14), rows.filter(pl.col("day").is_between(7, 13))
    shown = {row[0]: row for row in opened.table("publishers")}
    assert set(shown) == set(now["publisher"])
    lows = []
    for publisher, cells in shown.items():
        own, earlier = (
            part.filter(publisher=publisher).with_columns(is_flagged=pl.col(A) >= threshold)
            for part in (now, before)
        )
        flagged = int(own["is_flagged"].sum())
        assert cells[1:3] == [f"{own.height:,}", f"{flagged:,}"]
        rate = wilson(flagged, own.height)
        assert rate is not None
        lows.append(rate["low"])
        if own.height < 20:
            assert cells[3].endswith(f"n {own.height}")
            assert "(" not in cells[3], "few rows show their interval alone"
            assert cells[6] == "–"
            continue
        assert cells[3].startswith(f"{100 * rate['value']:.1f} % (")
        moved = rate["value"] - int(earlier["is_flagged"].sum()) / earlier.height
        assert cells[6].startswith("▲ +" if moved > 0 else "▼ −")
        assert f"{100 * abs(moved):.2g}"[:2] in cells[6]
        assert cells[7] == f"{own.filter('is_flagged')['payout'].sum():,.2f} USD"
    assert lows == sorted(lows, reverse=True), "ranked by the low end of the interval"
    assert any(row[3].endswith("n 4") or "n " in row[3] for row in shown.values())


def test_click_to_install_times_and_two_models(
    opened: Page, rows: pl.DataFrame, payload: dict[str, Any]
) -> None:
    first, second = (model["operating"]["value"] for model in payload["models"])
    counts = opened.find('[data-metric="ctit-n"]')
    flagged = rows.filter(pl.col(A) >= first).height
    assert counts.get_attribute("data-flagged") == str(flagged)
    assert counts.get_attribute("data-passed") == str(rows.height - flagged)
    assert counts.get_attribute("data-baseline") == str(rows.height)

    table = {row[0]: row[1:] for row in opened.table("pairs")}
    for place, (model, threshold) in enumerate([(A, first), (B, second)]):
        wanted = numbers(rows, model, threshold, COSTS)
        assert table["flagged"][place] == f"{wanted['flagged']:,} of n {wanted['n']:,}"
        assert table["recall"][place].startswith(f"{100 * wanted['recall']['value']:.1f} % (")
        assert table["net saved"][place] == f"{wanted['net']:,.2f} USD"
    a, b = pl.col(A) >= first, pl.col(B) >= second
    assert f"both flag {rows.filter(a & b).height:,}" in opened.text("pair")
    assert f"only {B} {rows.filter(b & ~a).height:,}" in opened.text("pair")


def test_what_is_recorded_is_shown_with_its_n(opened: Page) -> None:
    cell = opened.find('[data-table=unseen] [data-attack="smart_bots"]')
    assert cell.text.split() == ["21.0", "%", "15.0", "%", "to", "29.0", "%", "n", "140"]
    few = opened.find('[data-table=unseen] [data-attack="click_injection"]')
    assert few.text.split() == ["40.0", "%", "to", "96.0", "%", "n", "5,", "new"]
    assert [row[0::5] for row in opened.table("drift")] == [
        ["install__ctit_seconds", "90"],
        ["device__clicks_1d", "90"],
    ]
    assert len(opened.table("folds")) == 12
    marks = opened.driver.execute_script(
        "return document.querySelector('[data-view=folds] svg').textContent"
    )
    assert "smart_bots" in marks, "the day an attack began is marked"
