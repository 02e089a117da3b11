"""Savings, block list and claims beside the hidden truth; decisions as rows; the control share."""

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from reckoning import Reckoning, rows_of
from scipy.stats import binomtest
from scored_world import World

from clickward.analysis.decisions.blocklist import decide, list_candidates
from clickward.analysis.decisions.claims import make_claim, settle_claim
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError

CONTROL_SHARE = 0.05


@pytest.fixture
def known(built: Warehouse, world: World) -> Reckoning:
    return Reckoning(built, world.economics, world.truth)


def fraud_share(known: Reckoning, rows: list[dict[str, Any]]) -> tuple[float, float]:
    """Ends of Wilson's 95 % interval of the share that is fraud in truth."""
    frauds = sum(row["install_id"] in known.truth for row in rows)
    ends = binomtest(frauds, len(rows)).proportion_ci(method="wilson")
    return ends.low, ends.high


def test_savings_agree_with_the_hidden_truth(built: Warehouse, known: Reckoning) -> None:
    """By hand: payouts of flagged frauds, less payouts and disputes of flagged honest installs,
    less a review of each."""
    won = lost = missed = review = 0.0
    for row in known.facts:
        if row["is_organic"] or row["is_blocked"] or row["score"] is None:
            continue
        is_fraud = row["install_id"] in known.truth
        if row["flagged"]:
            review += row["review_cost"]
            won += row["amount"] if is_fraud else 0
            lost += 0 if is_fraud else row["amount"] + (row["dispute_cost"] or 0)
        elif is_fraud:
            missed += row["amount"]
    table = built.table("marts", "mart_savings_monthly")
    by_judge = {
        row["judged_by"]: row
        for row in built.query(
            f"select toString(judged_by) as judged_by, sum(net_saved) as net,"
            " sum(fraud_stopped_amount) as stopped, sum(fraud_missed_amount) as missed"
            f" from {table} group by judged_by"
        ).to_dicts()
    }
    truth, verdicts = by_judge["truth"], by_judge["verdicts"]
    assert truth["stopped"] == pytest.approx(won)
    assert truth["missed"] == pytest.approx(missed)
    assert truth["net"] == pytest.approx(won - lost - review)
    assert truth["net"] < won, "mistakes and reviews cost something"
    assert won > missed, "most of the money that went to fraud is stopped"
    assert verdicts["net"] < truth["net"], "fraud that nobody found counts against the model"


def test_candidates_for_blocking_send_fraud_in_truth(
    built: Warehouse, known: Reckoning, world: World
) -> None:
    found = list_candidates(built).filter(pl.col("scope") == "publisher").to_dicts()
    (judged,) = {(row["judged_from"], row["judged_to"]) for row in found}
    scored = [
        r
        for r in known.facts
        if r["score"] is not None
        and not r["is_organic"]
        and judged[0] <= r["event_date"] <= judged[1]
    ]
    listed = {(row["app_id"], row["publisher"]) for row in found}
    assert len(listed) >= 3

    inside = [r for r in scored if (r["app_id"], r["publisher"]) in listed]
    outside = [r for r in scored if (r["app_id"], r["publisher"]) not in listed]
    assert fraud_share(known, inside)[0] > fraud_share(known, outside)[1]
    flagged = [r for r in inside if r["flagged"] and not r["is_blocked"]]
    at_risk = sum(row["spend_at_risk"] for row in found)
    assert at_risk == pytest.approx(sum(r["amount"] for r in flagged))
    truly = sum(
        r["amount"] for r in inside if not r["is_blocked"] and r["install_id"] in known.truth
    )
    # Flags are a model's, of a few hundred installs: of the size of the truth, and no nearer.
    assert 0.5 * truly < at_risk < 2 * truly
    for row in found:
        evidence = built.query(row["evidence_query"]).filter(
            pl.col("model_version") == world.champion
        )
        assert evidence.height == row["flagged_installs"]


def test_a_claim_holds_fraud_in_truth_and_never_changes(
    copied: Warehouse, known: Reckoning, tmp_path: Path
) -> None:
    flagged = [
        r for r in known.facts if r["flagged"] and not r["is_blocked"] and not r["is_organic"]
    ]
    month = min(r["event_date"] for r in flagged).replace(day=1)
    flagged = [r for r in flagged if r["event_date"].replace(day=1) == month]
    networks = [r["publisher"] for r in flagged]
    network = max(set(networks), key=networks.count)
    mine = {r["install_id"]: r for r in flagged if r["publisher"] == network}
    out = tmp_path / "claim.csv"
    claim_id, rows = make_claim(copied, network, month, out, "agreed with the network")
    with out.open() as lines:
        written = list(csv.DictReader(lines))
    assert {row["install_id"] for row in written} == set(mine)
    assert sum(float(row["payout"]) for row in written) == pytest.approx(
        sum(r["amount"] for r in mine.values())
    )
    paid = [r for r in known.facts if r["score"] is not None and not r["is_organic"]]
    assert fraud_share(known, list(mine.values()))[0] > fraud_share(known, paid)[1], (
        "a claim holds more fraud than what is paid for usually does, and not by chance"
    )
    assert all(row["reasons"] and row["touched_at"] and row["ctit_seconds"] for row in written)
    with pytest.raises(UserError, match="no unclaimed install"):
        make_claim(copied, network, month, tmp_path / "again.csv", "twice")
    before = rows_of(copied, "marts", "mart_rejection_claims")
    copied.command(
        f"alter table {copied.table('marts', 'install_facts')} update payout = 0 where true"
        " settings mutations_sync = 2"
    )
    assert rows_of(copied, "marts", "mart_rejection_claims") == before
    with pytest.raises(UserError, match="no network accepts more than was claimed"):
        settle_claim(copied, claim_id, rows.height + 1, 1.0, "too much")
    workbook = tmp_path / "claim.xlsx"
    other = next(name for name in networks if name != network)
    make_claim(copied, other, month, workbook, "as Excel")
    assert workbook.read_bytes()[:2] == b"PK"


def everybody_a_candidate(warehouse: Warehouse) -> None:
    """The block list without its lower bounds: every source with a score is on it."""
    name = warehouse.table("marts", "mart_blocklist_candidates")
    create = warehouse.scalar(f"show create table {name}")
    bounds = "(scored_installs >= 10) AND (flagged_share_low >= 0.2)"
    assert create.count(bounds) == 1, "the view's bounds read otherwise now"
    warehouse.command(
        create.replace(bounds, "(scored_installs >= 1)").replace("CREATE", "CREATE OR REPLACE", 1)
    )


def test_the_control_share_is_honoured_and_never_blocked(copied: Warehouse) -> None:
    everybody_a_candidate(copied)
    found = list_candidates(copied)
    n, controls = found.height, int(found["is_control"].sum())
    assert n > 100
    spread = 3.3 * math.sqrt(n * CONTROL_SHARE * (1 - CONTROL_SHARE))
    assert 1 <= controls <= n * CONTROL_SHARE + spread
    assert controls >= n * CONTROL_SHARE - spread
    control = found.filter(pl.col("is_control") == 1)["candidate_id"].to_list()
    others = found.filter(pl.col("is_control") == 0)["candidate_id"].to_list()
    with pytest.raises(UserError, match="in the control share, which is never blocked"):
        decide(copied, [others[0], control[0]], "approve", "everybody")
    decisions = copied.table("ml", "block_decisions")
    assert copied.scalar(f"select count() from {decisions}") == 0, "all or none"
    decide(copied, others, "approve", "everybody")
    touched = copied.scalar(
        f"select count() from {decisions} where candidate_id in {{control:Array(String)}}",
        control=control,
    )
    assert touched == 0
    assert set(list_candidates(copied, "active")["candidate_id"]) == set(others)


def test_decisions_are_rows_with_who_when_and_why(copied: Warehouse) -> None:
    free = list_candidates(copied, "shadow").filter(pl.col("is_control") == 0)
    chosen = free.row(0, named=True)
    with pytest.raises(UserError, match="a decision needs a reason"):
        decide(copied, [chosen["candidate_id"]], "approve", " ")
    with pytest.raises(UserError, match="is shadow, not active"):
        decide(copied, [chosen["candidate_id"]], "expire", "too early")
    decide(copied, [chosen["candidate_id"]], "approve", "two in five flagged")
    with pytest.raises(UserError, match="is active already"):
        decide(copied, [chosen["candidate_id"]], "approve", "twice")
    (active,) = list_candidates(copied, "active").to_dicts()
    assert active["decision_reason"] == "two in five flagged"
    assert active["blocked_from"] > active["judged_to"]
    decide(copied, [chosen["candidate_id"]], "expire", "the site is gone")
    (expired,) = list_candidates(copied, "expired").to_dicts()
    assert expired["candidate_id"] == chosen["candidate_id"]
    kept = rows_of(copied, "ml", "block_decisions")
    assert sorted(row["decision"] for row in kept) == ["approve", "expire"]
    assert all(row["decided_by"] and row["decided_at"] for row in kept)
    evidence = json.loads(next(r for r in kept if r["decision"] == "approve")["evidence"])
    assert evidence["flagged_installs"] == chosen["flagged_installs"]


def test_champion_and_challenger_stand_side_by_side_and_one_counts(
    built: Warehouse, world: World
) -> None:
    facts = built.query(
        f"select toString(install_id) as id, toString(model_version) as version, score, is_flagged"
        f" from {built.table('marts', 'fct_scored_installs_by_version')}"
    )
    versions = facts.group_by("id").agg(pl.col("version").sort())
    assert versions["version"].to_list() == [sorted((world.champion, world.challenger))] * len(
        versions
    )
    counted = built.query(
        f"select toString(install_id) as id, score, is_flagged"
        f" from {built.table('marts', 'install_facts')} where score is not null"
    ).sort("id")
    champion = facts.filter(pl.col("version") == world.champion).drop("version").sort("id")
    assert counted.equals(champion), "the challenger scored last, the champion counts"
    in_force = built.query(
        f"select toString(install_id) as id, score, is_flagged"
        f" from {built.table('marts', 'fct_scored_installs')}"
    ).sort("id")
    assert in_force.equals(champion), "one row for each install"
    clicks = built.query(f"select is_flagged from {built.table('marts', 'fct_scored_clicks')}")
    assert clicks.height > 1000
    assert clicks["is_flagged"].null_count() == clicks.height, "a model of conversions never flags"


@pytest.mark.full
def test_scores_of_a_load_taken_back_stand_in_no_mart(
    copied: Warehouse, on_copy: Callable[..., None]
) -> None:
    scored = rows_of(copied, "marts", "fct_scored_installs")
    day = max(row["event_date"] for row in scored)
    (file,) = copied.query(
        "select any(source_file) as file from"
        f" {copied.table('staging', 'stg_appsflyer__installs')} where event_date = {{day:Date}}"
        " and install_id in {ids:Array(UUID)}",
        day=day, ids=[row["install_id"] for row in scored],
    )["file"].to_list()  # fmt: skip
    stored = copied.scalar(f"select count() from {copied.table('ml', 'scores')}")
    on_copy("unload", file, "--force", "--yes")
    # With its tests: those of scores compare what core has of them.
    on_copy("build")
    left = rows_of(copied, "marts", "fct_scored_installs")
    installs = {row["install_id"] for row in rows_of(copied, "core", "installs")}
    expected = [row for row in scored if row["install_id"] in installs]
    assert 0 < len(expected) < len(scored)
    assert sorted(row["install_id"] for row in left) == sorted(
        row["install_id"] for row in expected
    )
    assert copied.scalar(f"select count() from {copied.table('ml', 'scores')}") == stored
