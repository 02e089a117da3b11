"""Numbers of every mart against an independent computation, and wrong numbers are caught."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from reckoning import Reckoning, Row, differences, rows_of
from scored_world import World

from clickward.analysis.decisions.claims import make_claim, settle_claim
from clickward.warehouse.build import run_dbt
from clickward.warehouse.connection import Warehouse
from tests.harness import with_fault
from tests.oracles.facts import frauds
from tests.oracles.scorecards import (
    candidates,
    grouped,
    mean,
    quality,
    quantile,
    savings,
    scorecard,
)

Expect = Callable[[Reckoning], list[Row]]


def arrivals(known: Reckoning) -> list[Row]:
    rows = []
    for kind, table in (("click", "clicks"), ("install", "installs"), ("event", "app_events")):
        read = known.warehouse.query(
            "select event_date, source, event_at, arrived_at"
            f" from {known.warehouse.table('core', table)}"
        ).to_dicts()
        for (day, source), group in grouped(read, ["event_date", "source"]).items():
            lags = [
                (r["arrived_at"] - r["event_at"]).total_seconds()
                for r in group
                if r["arrived_at"] is not None
            ]
            rows.append(
                {
                    "event_date": day, "kind": kind, "source": source, "rows": len(group),
                    "rows_with_arrival": len(lags),
                    "median_lag_seconds": quantile(lags, 0.5),
                    "p99_lag_seconds": quantile(lags, 0.99),
                    "over_1h_share": mean(lag > 3600 for lag in lags),
                    "over_1d_share": mean(lag > 86400 for lag in lags),
                }
            )  # fmt: skip
    return rows


def histograms(known: Reckoning) -> list[Row]:
    """Rows and unknown values of every feature and day; the index itself is tested elsewhere."""
    table = known.warehouse.table("features", "fs_install")
    frame = known.warehouse.query(f"select * from {table}")
    features = [name for name, kind in frame.schema.items() if "__" in name and kind != pl.List]
    by_day = frame.group_by("event_date").agg(
        pl.len().alias("rows"), *(pl.col(name).is_null().mean() for name in features)
    )
    return [
        {
            "event_date": day["event_date"], "feature_set": "fs_install", "feature": name,
            "rows": day["rows"], "unknown_share": day[name],
        }
        for day in by_day.to_dicts()
        for name in features
    ]  # fmt: skip


MARTS: dict[str, tuple[list[str], Expect]] = {
    "mart_publisher_daily": (
        ["event_date", "app_id", "publisher"],
        lambda known: scorecard(known.facts, known.clicks, ["publisher"]),
    ),
    "mart_subpublisher_daily": (
        ["event_date", "app_id", "publisher", "subpublisher"],
        lambda known: scorecard(known.facts, known.clicks, ["publisher", "subpublisher"]),
    ),
    "mart_savings_monthly": (
        ["month", "app_id", "publisher", "judged_by"],
        lambda known: savings(known.facts, set(known.truth)),
    ),
    "mart_blocklist_candidates": (
        ["scope", "app_id", "publisher", "subpublisher"],
        lambda known: candidates(known.facts, days=14, min_scored=10, min_share=0.2),
    ),
    "mart_model_quality_daily": (
        ["event_date", "model_version", "labels"],
        lambda known: quality(known.current, known.provisional(days=1), frauds(known.labels)),
    ),
    "mart_arrival_lag_daily": (["event_date", "kind", "source"], arrivals),
    "mart_feature_drift_daily": (["event_date", "feature_set", "feature"], histograms),
}


@pytest.fixture(scope="module")
def expected() -> dict[str, list[Row]]:
    return {}


@pytest.fixture
def wanted(built: Warehouse, world: World, expected: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """What each mart should hold; computed once."""
    if not expected:
        known = Reckoning(built, world.economics, world.truth)
        expected.update({name: expect(known) for name, (_, expect) in MARTS.items()})
    return expected


@pytest.mark.parametrize("mart", MARTS)
def test_a_mart_holds_what_is_true(
    mart: str, built: Warehouse, wanted: dict[str, list[Row]]
) -> None:
    keys = MARTS[mart][0]
    found = rows_of(built, "marts", mart)
    assert len(found) >= 2
    assert differences(found, wanted[mart], keys) == []


@pytest.mark.parametrize("mart", MARTS)
def test_a_wrong_number_in_any_column_is_caught(
    mart: str, built: Warehouse, wanted: dict[str, list[Row]]
) -> None:
    keys = MARTS[mart][0]
    found = rows_of(built, "marts", mart)[:100]
    there = {tuple(row[key] for key in keys) for row in found}
    known = [row for row in wanted[mart] if tuple(row[key] for key in keys) in there]
    assert differences(found, known, keys) == []
    for column in known[0].keys() - set(keys):
        one = next((row for row in found if row[column] is not None), found[0])
        planted = [row if row is not one else _wrong(row, column) for row in found]
        said = differences(planted, known, keys)
        assert len(said) == 1, column
        assert said[0].startswith(f"{column} of "), column


def _wrong(row: Row, column: str) -> Row:
    value: Any = row[column]
    if isinstance(value, list):
        return row | {column: [*value, "another"]}
    return row | {column: None if value is not None else 0.5}


FAULTS = {
    "mart_subpublisher_daily": (
        "macros/scorecards/scorecard.sql", "is_flagged = 1 and not is_blocked", "is_flagged = 1",
    ),
    "mart_savings_monthly": (
        "models/marts/money/mart_savings_monthly.sql",
        "ifNull(facts.payout, 0) + ifNull(facts.dispute_cost, 0)", "facts.payout",
    ),
    "mart_blocklist_candidates": (
        "macros/scorecards/block_candidates.sql", "> (select max", ">= (select max",
    ),
    "mart_model_quality_daily": (
        "models/marts/monitoring/mart_model_quality_daily.sql",
        "known_at <= installed_at", "known_at >= installed_at",
    ),
    "mart_arrival_lag_daily": (
        "models/marts/monitoring/mart_arrival_lag_daily.sql", "> 86400", "> 3600",
    ),
}  # fmt: skip


def test_faults_in_the_sql_are_caught(
    copied: Warehouse, wanted: dict[str, list[Row]], tmp_path: Any
) -> None:
    faulty = copied.project
    for number, fault in enumerate(FAULTS.values()):
        faulty = with_fault(faulty, tmp_path / str(number), *fault)
    run_dbt(faulty, ["run", "--full-refresh", "--select", *FAULTS])
    for mart in FAULTS:
        assert differences(rows_of(copied, "marts", mart), wanted[mart], MARTS[mart][0]), mart


def test_claims_and_their_months_hold_what_was_claimed(
    copied: Warehouse, world: World, tmp_path: Any
) -> None:
    known = Reckoning(copied, world.economics, world.truth)
    flagged = [
        r for r in known.facts if r["flagged"] and not r["is_blocked"] and not r["is_organic"]
    ]
    networks = grouped(flagged, ["publisher"])
    (network,) = max(networks, key=lambda key: len(networks[key]))
    mine = networks[network,]
    month = mine[0]["event_date"].replace(day=1)
    claim_id, _ = make_claim(copied, network, month, tmp_path / "claim.csv", "agreed")
    rows = rows_of(copied, "marts", "mart_rejection_claims")
    claimed = [
        {"install_id": r["install_id"], "network": network, "month": month, "payout": r["amount"],
         "score": r["score"], "ctit_seconds": r["ctit_seconds"], "installed_at": r["event_at"]}
        for r in mine
    ]  # fmt: skip
    assert differences(rows, claimed, ["install_id"]) == []
    wrong = [rows[0] | {"payout": 0.0}, *rows[1:]]
    assert len(differences(wrong, claimed, ["install_id"])) == 1
    total = sum(r["amount"] for r in mine)
    monthly = {"month": month, "network": network, "currency": "USD", "claims": 1,
               "claimed_installs": len(mine), "claimed_amount": total}  # fmt: skip
    keys = ["month", "network", "currency"]
    found = rows_of(copied, "marts", "mart_claims_monthly")
    opened = {
        "open_claims": 1,
        "accepted_installs": 0,
        "accepted_amount": 0.0,
        "open_amount": total,
    }
    assert differences(found, [monthly | opened], keys) == []
    settle_claim(copied, claim_id, 2, 1.5, "two proven")
    found = rows_of(copied, "marts", "mart_claims_monthly")
    settled = {"open_claims": 0, "accepted_installs": 2, "accepted_amount": 1.5, "open_amount": 0.0}
    assert differences(found, [monthly | settled], keys) == []
    assert len(differences(found, [monthly | settled | {"accepted_installs": 3}], keys)) == 1
