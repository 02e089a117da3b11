"""Everything else the payload tells, against the same from raw rows in Python."""

import json
from datetime import date
from typing import Any

import pytest
from reckoning import Reckoning, rows_of
from scored_world import World

from clickward.analysis.explorer.ctit import baseline
from clickward.analysis.explorer.payload import Payload
from clickward.analysis.explorer.scope import find_scope
from clickward.analysis.explorer.standing import rank_publishers
from clickward.warehouse.connection import Warehouse
from tests.oracles.explorer import (
    calibration,
    ctit_cells,
    mean,
    pair_counts,
    publishers,
    side_of,
    strength,
)
from tests.oracles.facts import Row

FIRST = date(2026, 1, 15)


def threshold_of(payload: dict[str, Any], version: str) -> float:
    """The operating threshold of a model of the payload."""
    [model] = [one for one in payload["models"] if one["version"] == version]
    value: float = model["operating"]["value"]
    return value


def test_it_is_strict_json_and_each_rate_has_its_n(payload: dict[str, Any]) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    again = json.loads(Payload(payload).to_json(), parse_constant=refuse)
    assert again == payload, "what is read is what was told"
    counted = {"publishers": ("share", "n"), "slices": ("rate", "n"), "drift": ("psi", "n")}
    for name, (value, n) in counted.items():
        assert payload[name], name
        for one in payload[name]:
            assert one[value] is None or one[n] > 0, (name, one)
    with pytest.raises(ValueError, match="not JSON compliant"):
        Payload({"share": float("nan")}).to_json()


def test_the_range_and_the_costs(payload: dict[str, Any], rows: list[Row]) -> None:
    assert (payload["from"], payload["days"][0]) == (FIRST.isoformat(), FIRST.isoformat())
    days = {row["day"] for row in rows}
    assert payload["days"] == [day.isoformat() for day in sorted(days)]
    assert payload["has_truth"]
    assert payload["currency"] == "USD"
    paid = [row for row in rows if row["paid"] is not None]
    assert payload["costs"] == {
        "payout": pytest.approx(mean(row["paid"] for row in paid)),
        "dispute": pytest.approx(mean(row["dispute"] for row in paid)),
        "review": pytest.approx(mean(row["review"] for row in rows)),
    }


def test_click_to_install_times_and_their_baseline(
    payload: dict[str, Any], built: Warehouse, rows: list[Row], known: Reckoning
) -> None:
    told = payload["ctit"]
    apps = next(one["values"] for one in payload["dimensions"] if one["name"] == "app")
    for version, columns in told["rows"].items():
        found = {
            (payload["days"][day], bin_, score_bin, apps[app]): count
            for day, bin_, score_bin, app, count in zip(
                *(columns[key] for key in ("day", "ctit", "score_bin", "app", "count")), strict=True
            )
        }
        assert len(found) == len(columns["day"]), "a cell stands twice"
        begins = payload["resolution"][version]["ctit"]
        assert found == ctit_cells(rows, version, payload["edges"][version], told["edges"], begins)
    assert set(told["baseline"]) == set(apps[:-1])
    assert sum(map(sum, told["baseline"].values())) == len(rows), "all of these days are scored"
    # Three days more, of which nothing is scored.
    scope = find_scope(built, date_from=date(2026, 1, 12))
    everyone = [
        {"app": row["app_id"], "ctit": row["ctit_seconds"]}
        for row in known.facts
        if row["event_date"] >= scope.date_from
    ]
    expected = ctit_cells(everyone, None, [], told["edges"], [])
    for app, counts in baseline(scope, apps[:-1]).items():
        assert counts == [expected.get((bin_, app), 0) for bin_ in range(told["unknown"] + 1)]
    assert len(everyone) > len(rows)


def test_probabilities_beside_verdicts(payload: dict[str, Any], rows: list[Row]) -> None:
    for version, told in payload["calibration"].items():
        expected = calibration(rows, version, payload["edges"][version])
        assert [one["bin"] for one in told] == sorted(expected)
        for one in told:
            n, probability, verdicts = expected[one["bin"]]
            assert (one["n"], one["verdicts"]) == (n, verdicts)
            assert one["mean_probability"] == pytest.approx(probability)
    assert any(payload["calibration"].values()), "a model tells probabilities"


@pytest.mark.parametrize("span", [None, (date(2026, 1, 18), date(2026, 1, 20))])
def test_publishers_with_their_interval_and_the_period_before(
    payload: dict[str, Any], built: Warehouse, known: Reckoning, span: tuple[date, date] | None
) -> None:
    begin, end = span or (date.fromisoformat(payload["from"]), date.fromisoformat(payload["to"]))
    told = (
        rank_publishers(find_scope(built, date_from=begin, date_to=end))
        if span
        else payload["publishers"]
    )
    expected = publishers(known.facts, begin, end)
    assert {(one["app"], one["publisher"]) for one in told} == expected.keys()
    for one in told:
        own = expected[one["app"], one["publisher"]]
        assert one.keys() == own.keys() | {"app", "publisher"}
        for name, value in own.items():
            assert one[name] == (value if value is None else pytest.approx(value)), (name, one)
    lows = [one["low"] for one in told]
    assert lows == sorted(lows, reverse=True)
    assert any(one["flagged"] for one in told)
    assert any(one["previous_n"] for one in told) == bool(span)


def test_two_models_side_by_side(payload: dict[str, Any], rows: list[Row], world: World) -> None:
    [pair] = payload["pairs"]
    a, b = world.champion, world.challenger
    assert (pair["a"], pair["b"]) == (a, b)
    at = {version: threshold_of(payload, version) for version in (a, b)}
    counts, parted = pair_counts(rows, at, payload["edges"])
    assert {name: pair[name] for name in counts} == counts
    assert pair["only_a"]
    assert pair["only_b"]
    assert [row["id"] for row in pair["rows"]] == parted[:25]
    for row in pair["rows"]:
        assert row["flagged"][a] != row["flagged"][b]
        assert row["flagged"] == {
            version: int(row["score"][version] >= at[version]) for version in at
        }


def test_where_model_and_label_disagree_most(payload: dict[str, Any], rows: list[Row]) -> None:
    assert payload["disagreements"].keys() == {one["version"] for one in payload["models"]}
    for version, sides in payload["disagreements"].items():
        at = threshold_of(payload, version)
        for side, name in (("missed", "missed"), ("false_alarm", "flagged_without_verdict")):
            strongest = sorted(side_of(rows, version, at, side), key=strength(version, side))
            assert [row["id"] for row in sides[name]] == [row["id"] for row in strongest[:50]]
            assert strongest, (version, side)


def test_told_rows_are_the_rows(payload: dict[str, Any], rows: list[Row]) -> None:
    by_id = {row["id"]: row for row in rows}
    told = [
        row
        for sides in payload["disagreements"].values()
        for side in sides.values()
        for row in side
    ] + [row for frozen in payload["rows"].values() for row in frozen]
    for row in told:
        own = by_id[row["id"]]
        for name in ("app", "publisher", "subpublisher", "country", "os", "carrier", "state",
                     "truth", "attack", "score"):  # fmt: skip
            assert row[name] == own[name], name
        assert row["at"] == f"{own['at']:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
        assert row["ctit_seconds"] == own["ctit"]
        assert row["payout"] == pytest.approx(own["paid"])
        times = [event["at"] for event in row["events"]]
        assert times == sorted(times)
        assert len(times) <= 20
    assert any(row["reasons"] for row in told)
    assert any(row["events"] for row in told)


def test_frozen_rows_of_slices_err_inside_them(payload: dict[str, Any], rows: list[Row]) -> None:
    significant = {n for n, one in enumerate(payload["slices"]) if one["p_adjusted"] <= 0.05}
    assert payload["rows"].keys() <= {str(n) for n in significant}
    for place, frozen in payload["rows"].items():
        one = payload["slices"][int(place)]
        at = threshold_of(payload, one["model"])
        wrong = [
            row
            for row in side_of(rows, one["model"], at, one["kind"])
            if all(row[name] == value for name, value in one["where"].items())
        ]
        assert one["errors"] == len(wrong)
        strongest = sorted(wrong, key=strength(one["model"], one["kind"]))
        assert [row["id"] for row in frozen] == [row["id"] for row in strongest[:10]]
    for one in payload["slices"]:
        right = "fraud" if one["kind"] == "missed" else "honest"
        population = [row for row in rows if row["state"] == right]
        own = [row for row in population
               if all(row[name] == value for name, value in one["where"].items())]  # fmt: skip
        assert one["n"] == len(own)
        errors = {row["id"] for row in side_of(rows, one["model"],
                  threshold_of(payload, one["model"]), one["kind"])}  # fmt: skip
        assert one["errors"] == sum(row["id"] in errors for row in own)
        assert one["overall"] == pytest.approx(len(errors) / len(population))
    assert payload["slices"]


def test_drift_is_the_mart_of_the_days(payload: dict[str, Any], built: Warehouse) -> None:
    expected = {
        (row["event_date"].isoformat(), row["feature"]): row
        for row in rows_of(built, "marts", "mart_feature_drift_daily")
        if row["feature_set"] == "fs_install" and row["event_date"].isoformat() in payload["days"]
    }
    assert {(one["day"], one["feature"]) for one in payload["drift"]} == expected.keys()
    for one in payload["drift"]:
        row = expected[one["day"], one["feature"]]
        assert one["n"] == row["rows"]
        for name, column in (("psi", "stability_index"), ("limit", "drift_limit")):
            value = row[column]
            assert one[name] == (value if value is None else pytest.approx(value, abs=1e-5))
