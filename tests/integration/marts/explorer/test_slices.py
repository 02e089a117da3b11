"""The slice finder on planted errors, and on labels that have nothing to do with the model."""

from itertools import combinations
from typing import Any

import pytest
from scored_world import World

from clickward.analysis.explorer.scope import find_scope
from clickward.analysis.explorer.slices import ALPHA, find_slices
from clickward.warehouse.connection import Warehouse
from tests.oracles.explorer import at_least, side_of, slice_counts, step_up
from tests.oracles.facts import Row

ROWS = 20_000


def plant(warehouse: Warehouse, version: str, verdict: str) -> None:
    """Rows of 8 publishers, 6 countries and 5 carriers; a score of 0.9 is flagged, 0.001 is not."""
    name = warehouse.table("marts", "scored_installs")
    warehouse.command(f"truncate table {name}")
    warehouse.command(
        f"insert into {name} (install_id, event_at, event_date, hour, app_id, publisher, country,"
        " carrier, has_verdict, model_versions, scores, probabilities)"
        " select reinterpretAsUUID(sipHash128(number, 'id')),"
        " toDateTime64('2026-01-15 00:00:00', 3, 'UTC') + number,"
        " toDate('2026-01-15'), sipHash64(number, 'h') % 24, 'app',"
        " concat('p', toString(sipHash64(number, 'p') % 8)) as publisher,"
        " concat('c', toString(sipHash64(number, 'c') % 6)) as country,"
        " concat('x', toString(sipHash64(number, 'x') % 5)),"
        f" {verdict} as has_verdict, ['{version}'],"
        " [if(has_verdict = (sipHash64(number, 'e') % 100 < if(publisher = 'p3' and country = 'c2',"
        " 40, 5)), 0.001, 0.9)], [null]"
        f" from numbers({ROWS})"
    )


def test_planted_errors_are_found(copied: Warehouse, world: World) -> None:
    plant(copied, world.champion, "sipHash64(number, 'v') % 3 = 0")
    found = find_slices(find_scope(copied, models=[world.champion]))
    for kind in ("missed", "false_alarm"):
        own = [one for one in found if one["kind"] == kind]
        best = own[0]
        assert best["where"] == {"publisher": "p3", "country": "c2"}
        assert best["p_adjusted"] < 1e-9
        fraud = int(kind == "missed")
        n, errors = copied.client.query(
            f"select count(), countIf((scores[1] > 0.5) = {1 - fraud})"
            f" from {copied.table('marts', 'scored_installs')}"
            f" where publisher = 'p3' and country = 'c2' and has_verdict = {fraud}"
        ).result_rows[0]
        assert (best["n"], best["errors"]) == (n, errors)
        chance = at_least(errors, n, best["overall"])
        assert abs(best["p_value"] - chance) <= 1e-6 * chance


def test_nothing_is_found_in_shuffled_labels(copied: Warehouse, world: World) -> None:
    plant(copied, world.champion, "sipHash64(number, 'v') % 3 = 0")
    name = copied.table("marts", "scored_installs")
    copied.command(
        f"alter table {name} update has_verdict = sipHash64(install_id, 'shuffled') % 3 = 0,"
        " scores = [if(sipHash64(install_id, 's') % 2 = 0, 0.9, 0.001)] where true"
        " settings mutations_sync = 2"
    )
    found = find_slices(find_scope(copied, models=[world.champion]))
    assert found
    assert [one for one in found if one["p_adjusted"] <= ALPHA] == []


@pytest.mark.parametrize("kind", ["missed", "false_alarm"])
def test_adjusted_chances_are_of_every_slice_with_enough_rows(
    payload: dict[str, Any], rows: list[Row], kind: str
) -> None:
    names = [one["name"] for one in payload["dimensions"][1:]]
    keys = [(name,) for name in names] + list(combinations(names, 2))
    for model in payload["models"]:
        version, at = model["version"], model["operating"]["value"]
        wrong = {row["id"] for row in side_of(rows, version, at, kind)}
        verdict = "fraud" if kind == "missed" else "honest"
        population = [row for row in rows if row["state"] == verdict]
        counts = slice_counts(population, lambda row, wrong=wrong: row["id"] in wrong, keys)
        overall = len(wrong) / len(population)
        looked_at = {
            where: (errors, n) for where, (errors, n) in counts.items() if 20 <= n < len(population)
        }
        chances = [at_least(errors, n, overall) for errors, n in looked_at.values()]
        adjusted = dict(zip(looked_at, step_up(chances), strict=True))
        told = [one for one in payload["slices"] if (one["model"], one["kind"]) == (version, kind)]
        assert told or not wrong
        for one in told:
            where = tuple(one["where"].items())
            assert (one["errors"], one["n"]) == looked_at[where]
            assert one["p_value"] == pytest.approx(at_least(*looked_at[where], overall))
            assert one["p_adjusted"] == pytest.approx(adjusted[where]), where
