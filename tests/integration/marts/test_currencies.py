"""Money in several currencies: never one sum; what no rate converts is NULL and counted."""

import csv
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from reckoning import differences, rows_of

from clickward.analysis.decisions.claims import list_claims, make_claim, settle_claim
from clickward.analysis.explorer.bins import read_bins
from clickward.analysis.explorer.rows import find_rows
from clickward.analysis.explorer.scope import find_scope
from clickward.analysis.explorer.standing import (
    rank_publishers,
    read_costs,
    read_unconverted,
)
from clickward.cli.main import app
from clickward.warehouse.build import run_dbt
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import Project
from tests.harness import run, where
from tests.oracles.facts import Row, install_facts, price, read_prices
from tests.oracles.money import Rates, code
from tests.oracles.scorecards import candidates, grouped, mean, savings, scorecard

MONEY = (
    "mart_publisher_daily", "mart_subpublisher_daily", "mart_savings_monthly",
    "mart_blocklist_candidates", "mart_claims_monthly", "mart_rejection_claims",
    "scored_installs", "fct_scored_installs",
)  # fmt: skip
# Day, app, network, amount and currency as a report has them.
PAID = [
    (5, "com.a", "mix_int", "1.50", "USD"), (5, "com.a", "mix_int", "230", "JPY"),
    (5, "com.a", "mix_int", "1.40", "EUR"), (6, "com.a", "mix_int", "1.40", " eur "),
    (6, "com.a", "mix_int", "230", "jpy"), (6, "com.a", "mix_int", "9", "ZZZ"),
    (6, "com.a", "mix_int", "2.25", ""), (6, "com.a", "mix_int", "3.75", "N/A"),
    (6, "com.a", "mix_int", "", "EUR"), (6, "com.a", "mix_int", "4", "US$"),
    (5, "com.a", "yen_int", "500", "JPY"), (5, "com.a", "yen_int", "510", "JPY"),
    # The price list says what these pay, in currencies of its own.
    (5, "com.b", "mix_int", "7", "USD"), (6, "com.b", "mix_int", "7", "USD"),
    (6, "com.b", "won_int", "7", "USD"), (6, "com.c", "mix_int", "1", "USD"),
]  # fmt: skip
PRICES = """app_id,network,valid_from,payout,currency,dispute_cost,review_cost
com.b,*,2026-01-01,2.00,EUR,,
com.b,won_int,2026-01-06,300,jpy,40,
com.c,*,2026-01-01,3,GBP,1,
"""
RATES = Rates("USD", ((date(2026, 1, 1), "EUR", 1.1), (date(2026, 1, 6), "EUR", 1.2),
                      (date(2026, 1, 6), "JPY", 0.0065)))  # fmt: skip
COLUMNS = ("install_time", "attributed_touch_time", "appsflyer_id", "app_id", "media_source",
           "af_siteid", "af_cost_value", "af_cost_currency")  # fmt: skip


@dataclass
class Paid:
    """A store with `PAID`, every install scored and every other one flagged, and its project."""

    project: Project
    warehouse: Warehouse
    prices: list[Row]

    def build(self, rates: Rates = RATES, models: Sequence[str] = MONEY) -> None:
        """Build models of money with the rates in the seed and the currencies as variables."""
        seed = self.project.project_dir / "seeds" / "exchange_rates.csv"
        lines = [f"{first},{name},{rate}" for first, name, rate in rates.table]
        seed.write_text("\n".join(["valid_from,currency,rate", *lines]) + "\n")
        variables = json.dumps({"currency": rates.into, "unstated_currency": rates.unstated})
        picked = [word for name in models for word in ("--select", f"+{name}")]
        kinds = ["--exclude-resource-type", "unit_test"]
        run_dbt(self.project, ["build", *picked, *kinds, "--vars", variables])

    def facts(self, rates: Rates = RATES) -> list[Row]:
        """What is true of each install, from the report, the price list and the rates alone."""
        installs = rows_of(self.warehouse, "core", "installs")
        for row in installs:
            amount, currency = next(
                (said, stated) for n, (*_, said, stated) in enumerate(PAID)
                if row["event_at"].second == n
            )  # fmt: skip
            assert row["payout"] == (float(amount) if amount else None)
            assert row["payout_currency"] == (code(currency) or None)
        flagged = {row["install_id"]: row["event_at"].second % 2 == 0 for row in installs}
        force = {
            one: {"score": 0.9 if flag else 0.1, "is_flagged": flag, "reason_features": []}
            for one, flag in flagged.items()
        }
        frauds = {row["install_id"] for row in installs if row["event_at"].second % 4 == 0}
        return install_facts(installs, [], frauds, force, self.prices, rates)


@pytest.fixture
def paid(project: Project, warehouse: Warehouse, tmp_path: Path) -> Paid:
    """`PAID` loaded and scored in a project of its own; core is built."""
    copy = shutil.copytree(
        project.project_dir,
        tmp_path / "dbt_project",
        ignore=shutil.ignore_patterns("target", "logs"),
    )
    own = Project(copy, project.profiles_dir, project.target_name)
    warehouse.project = own
    folder = tmp_path / "t=installs"
    folder.mkdir()
    with (folder / "installs.csv").open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(COLUMNS)
        for n, (day, app_id, network, amount, currency) in enumerate(PAID):
            at = f"2026-01-0{day} 10:01:{n:02d}"
            touched = f"2026-01-0{day} 10:00:{n:02d}"
            writer.writerow([at, touched, f"1-{n}", app_id, network, "s1", amount, currency])
    verdicts = tmp_path / "t=detection" / "detection.csv"
    verdicts.parent.mkdir()
    found = [
        f"2026-01-0{day} 10:01:{n:02d},1-{n},{app_id},2026-01-08 00:00:00,bots"
        for n, (day, app_id, *_) in enumerate(PAID)
        if n % 4 == 0
    ]
    header = "install_time,appsflyer_id,app_id,detection_date,fraud_reason"
    verdicts.write_text("\n".join([header, *found]) + "\n")
    (tmp_path / "economics.csv").write_text(PRICES)
    run(own, "load", "appsflyer", folder, verdicts.parent, "--timezone", "UTC")
    run(own, "load", "economics", tmp_path / "economics.csv")
    run_dbt(own, ["run", "--select", "+installs"])
    put_scores(warehouse)
    seed = copy / "seeds" / "app_economics.csv"
    return Paid(own, warehouse, read_prices(seed, tmp_path / "economics.csv"))


def put_scores(warehouse: Warehouse) -> None:
    """Scores of one committed run, which flags every other install."""
    installs = warehouse.table("core", "installs")
    warehouse.command(
        f"insert into {warehouse.table('ml', 'scores')} (run_id, feature_set, subject, subject_id,"
        " subject_at, target, model, model_version, score, threshold_name, threshold, is_flagged,"
        " scored_at) select 'r1', 'fs_install', 'install', install_id, event_at, 'is_fraud',"
        " 'made', 'made-1', if(toSecond(event_at) % 2 = 0, 0.9, 0.1), 'balanced', 0.5,"
        f" toSecond(event_at) % 2 = 0, event_at from {installs}"
    )
    warehouse.command(
        f"insert into {warehouse.table('ml', 'runs')} (run_id, kind, feature_set, target,"
        " model_version, committed_at) values ('r1', 'score', 'fs_install', 'is_fraud', 'made-1',"
        " toDateTime64('2026-01-09', 3, 'UTC'))"
    )


def differing(paid: Paid, rates: Rates) -> list[str]:
    """Every cell of the marts of money that is not what the report, price list and rates make."""
    facts, read = paid.facts(rates), paid.warehouse
    said = []
    for mart, entity in (
        ("mart_publisher_daily", ["publisher"]),
        ("mart_subpublisher_daily", ["publisher", "subpublisher"]),
    ):
        wanted, keys = scorecard(facts, [], entity), ["event_date", "app_id", *entity]
        said += differences(rows_of(read, "marts", mart), wanted, keys)
    saved = [row for row in savings(facts, set()) if row["judged_by"] == "verdicts"]
    keys = ["month", "app_id", "publisher", "judged_by", "currency"]
    said += differences(rows_of(read, "marts", "mart_savings_monthly"), saved, keys)
    listed = candidates(facts, days=14, min_scored=10, min_share=0.2)
    assert listed
    keys = ["scope", "app_id", "publisher", "subpublisher"]
    said += differences(rows_of(read, "marts", "mart_blocklist_candidates"), listed, keys)
    own = [
        {"install_id": row["install_id"], "payout_stated": row["stated"],
         "payout_currency": row["stated_in"], "payout": row["amount"], "currency": rates.into,
         "dispute_cost": row["dispute_cost"], "review_cost": row["review_cost"]}
        for row in facts
    ]  # fmt: skip
    said += differences(rows_of(read, "marts", "scored_installs"), own, ["install_id"])
    reported = [
        {"install_id": row["install_id"], "payout": row["payout"],
         "payout_currency": row["payout_currency"]}
        for row in facts
    ]  # fmt: skip
    said += differences(rows_of(read, "marts", "fct_scored_installs"), reported, ["install_id"])
    return said


def core_blocks(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    """What was last written to core, which stays where rates alone have changed."""
    return list(
        warehouse.client.query(
            "select table, partition_id, max(max_block_number) from system.parts where active"
            f" and database = '{warehouse.target.database('core')}' and table = 'installs'"
            " group by all order by all"
        ).result_rows
    )


def test_money_is_in_one_currency_and_the_rest_is_counted(paid: Paid) -> None:
    """No rates, rates that change, amounts that state nothing, another currency of the marts."""
    paid.build(Rates())
    assert differing(paid, Rates()) == []
    spent = {
        (row["event_date"].day, row["app_id"], row["publisher"]): row
        for row in rows_of(paid.warehouse, "marts", "mart_publisher_daily")
    }
    three = spent[5, "com.a", "mix_int"]
    assert (three["spend"], three["currency"], three["unconverted_payouts"]) == (1.5, "USD", 2)
    yen = spent[5, "com.a", "yen_int"]
    assert (yen["spend"], yen["spend_at_risk"], yen["unconverted_payouts"]) == (None, None, 2)
    saved = rows_of(paid.warehouse, "marts", "mart_savings_monthly", "publisher = 'yen_int'")
    assert {row["net_saved"] for row in saved if row["app_id"] == "com.a"} == {None}

    # A scorecard alone, under another variable, still says what its amounts are in.
    euro = ["--full-refresh", "--vars", '{"currency": "EUR"}']
    run_dbt(paid.project, ["run", "--select", "mart_publisher_daily", *euro])
    cards = scorecard(paid.facts(Rates()), [], ["publisher"])
    shown = rows_of(paid.warehouse, "marts", "mart_publisher_daily")
    assert differences(shown, cards, ["event_date", "app_id", "publisher"]) == []

    before = core_blocks(paid.warehouse)
    for rates in (
        RATES,
        Rates("USD", RATES.table, unstated="EUR"),
        Rates("USD", RATES.table, unstated="USD"),
        Rates("EUR", ((date(2026, 1, 2), "USD", 0.9), (date(2026, 1, 6), "JPY", 0.006))),
    ):
        paid.build(rates)
        assert differing(paid, rates) == [], rates
    assert core_blocks(paid.warehouse) == before
    assert price(paid.prices, "com.b", "mix_int", date(2026, 1, 5))["payout"] == (2.0, "EUR")


def test_a_wrong_rate_or_currency_ends_the_build(paid: Paid) -> None:
    day = date(2026, 1, 1)
    for table in (
        ((day, "EUR", 0.0),),
        ((day, "EUR", -1.1),),
        ((day, "EUR", float("nan")),),
        ((day, "EUR", 1.1), (day, " eur ", 1.2)),
        ((day, "USD", 1.1),),
        ((day, "N/A", 1.1),),
    ):
        with pytest.raises(UserError, match="assert_exchange_rates_are_clear"):
            paid.build(Rates("USD", table), ["exchange_rates"])
    with pytest.raises(UserError, match="the variable currency is 'dollars': write three letters"):
        paid.build(Rates("dollars"), ["exchange_rates"])
    with pytest.raises(UserError, match="the variable unstated_currency is 'euros': write three"):
        paid.build(Rates(unstated="euros"), ["rates_in_force"])


@pytest.mark.parametrize("wrong", ["com.b,*,2026-01-01,1.50 USD,USD,,", "com.b,*,soon,1,USD,,",
                                   "com.b,*,2026-01-01,1,USD,inf,"])  # fmt: skip
def test_a_price_that_cannot_be_read_ends_the_build(
    project: Project, warehouse: Warehouse, tmp_path: Path, wrong: str
) -> None:
    header, good = PRICES.splitlines()[:2]
    check = ["build", "--select", "assert_economics_can_be_read"]
    (tmp_path / "good.csv").write_text(f"{header}\n{good}\n")
    run(project, "load", "economics", tmp_path / "good.csv")
    run_dbt(project, check)
    (tmp_path / "wrong.csv").write_text(f"{header}\n{wrong}\n")
    run(project, "load", "economics", tmp_path / "wrong.csv")
    with pytest.raises(UserError, match="assert_economics_can_be_read"):
        run_dbt(project, check)


def claimed(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_a_claim_states_what_was_paid_and_what_it_is_worth(
    paid: Paid, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paid.build()
    facts = paid.facts()
    networks = grouped([row for row in facts if row["flagged"]], ["publisher"])
    told = {}
    for network in ("mix_int", "yen_int"):
        out = tmp_path / f"{network}.csv"
        words = ["claims", "export", "--network", network, "--month", "2026-01", "--out", str(out)]
        capsys.readouterr()
        app([*words, "--json", *where(paid.project)], standalone_mode=False)
        told[network] = json.loads(capsys.readouterr().out)
        mine = {row["install_id"]: row for row in networks[network,]}
        lines = claimed(out)
        assert {line["install_id"] for line in lines} == mine.keys()
        for line in lines:
            row = mine[line["install_id"]]
            assert (float(line["payout_stated"]) if line["payout_stated"] else None) == row[
                "stated"
            ]
            assert (line["payout_currency"] or None) == row["stated_in"]
            assert (float(line["payout"]) if line["payout"] else None) == row["amount"]
            assert line["currency"] == "USD"
        known = [row["amount"] for row in mine.values() if row["amount"] is not None]
        assert told[network]["amount"] == (pytest.approx(sum(known)) if known else None)
        left_out = sum("payout" in row["unconverted"] for row in mine.values())
        assert told[network]["unconverted"] == left_out > 0
        stated: dict[str, float] = {}
        for row in mine.values():
            if row["stated"] is not None:
                name = row["stated_in"] or ""
                stated[name] = stated.get(name, 0) + row["stated"]
        assert told[network]["stated"] == pytest.approx(stated)
    assert told["yen_int"]["amount"] is None, "what no rate converts is not 0"
    listed = {row["network"]: row for row in list_claims(paid.warehouse).to_dicts()}
    monthly = {
        row["network"]: row for row in rows_of(paid.warehouse, "marts", "mart_claims_monthly")
    }
    for network, total in told.items():
        assert listed[network]["amount"] == monthly[network]["claimed_amount"] == total["amount"]
        assert listed[network]["unconverted"] == total["unconverted"]
        assert monthly[network]["unconverted_installs"] == total["unconverted"]
        assert monthly[network]["open_amount"] == total["amount"]
        assert monthly[network]["currency"] == "USD"
    frozen = rows_of(paid.warehouse, "marts", "mart_rejection_claims")
    wanted = [
        {"install_id": row["install_id"], "payout_stated": row["stated"],
         "payout_currency": row["stated_in"], "payout": row["amount"], "currency": "USD"}
        for own in networks.values() for row in own if row["publisher"] in told
    ]  # fmt: skip
    assert differences(frozen, wanted, ["install_id"]) == []
    settle_claim(paid.warehouse, told["yen_int"]["claim_id"], 1, 3.2, "half of it")
    with pytest.raises(UserError, match="no network accepts more than was claimed"):
        settle_claim(paid.warehouse, told["yen_int"]["claim_id"], 99, 3.2, "more")
    with pytest.raises(UserError, match="found 1 and inf"):
        settle_claim(paid.warehouse, told["yen_int"]["claim_id"], 1, float("inf"), "more")
    with pytest.raises(UserError, match="no unclaimed install"):
        make_claim(paid.warehouse, "mix_int", date(2026, 1, 1), tmp_path / "again.csv", "twice")


def test_the_explorer_counts_what_no_rate_converts(paid: Paid) -> None:
    paid.build()
    read = paid.warehouse
    read.command(
        f"insert into {read.table('ml', 'models')} (model_version, model, feature_set, target,"
        " trained_at) values ('made-1', 'made', 'fs_install', 'is_fraud', now64(3))"
    )
    read.command(
        f"insert into {read.table('ml', 'thresholds')} (model_version, target, threshold_name,"
        " threshold, set_at) values ('made-1', 'is_fraud', 'balanced', 0.5, now64(3))"
    )
    read.command(
        f"insert into {read.table('ml', 'runs')} (run_id, kind, feature_set, target,"
        " model_version, committed_at) values ('made-1', 'train', 'fs_install', 'is_fraud',"
        " 'made-1', now64(3))"
    )
    facts, scope = paid.facts(), find_scope(read)
    unknown = [row for row in facts if "payout" in row["unconverted"]]
    stated = {
        name: (len(rows), sum(row["stated"] for row in rows))
        for (name,), rows in grouped(unknown, ["stated_in"]).items()
    }
    told = read_unconverted(scope)
    assert scope.currency == "USD"
    assert told["priced"] == sum(row["stated"] is not None for row in facts)
    assert told["unconverted"] == len(unknown)
    found = {one["currency"]: (one["n"], one["amount"]) for one in told["stated"]}
    assert found == pytest.approx(stated)
    costs = read_costs(scope)
    for name, amount in (("payout", "amount"), ("review", "review_cost")):
        assert costs[name] == pytest.approx(mean(row[amount] for row in facts))
    disputed = [row["dispute_cost"] for row in facts if row["stated"] is not None]
    assert costs["dispute"] == pytest.approx(mean(disputed))
    ranked = {(one["app"], one["publisher"]): one for one in rank_publishers(scope)}
    for key, group in grouped(facts, ["app_id", "publisher"]).items():
        flagged = [row for row in group if row["flagged"]]
        assert ranked[key]["unconverted_at_risk"] == sum(
            "payout" in row["unconverted"] for row in flagged
        )
        known = [row["amount"] for row in flagged if row["amount"] is not None]
        assert ranked[key]["spend_at_risk"] == pytest.approx(
            sum(known) if known or not any(row["unconverted"] for row in flagged) else None
        )
    bins = read_bins(read)
    columns = bins["bins"]["made-1"]["publisher"]
    values = next(one["values"] for one in bins["dimensions"] if one["name"] == "publisher")
    for name, group in grouped(facts, ["publisher"]).items():
        mine = [n for n, place in enumerate(columns["value"]) if values[place] == name[0]]
        left_out = sum("payout" in row["unconverted"] for row in group)
        assert sum(columns["unconverted"][n] for n in mine) == left_out
        assert sum(columns["spend"][n] for n in mine) == pytest.approx(
            sum(row["amount"] or 0 for row in group)
        )
    chosen = unknown[0]
    row = find_rows(read, {"publisher": chosen["publisher"]}, side="passed")
    row += find_rows(read, {"publisher": chosen["publisher"]}, side="flagged")
    [one] = [one for one in row if one["id"] == chosen["install_id"]]
    assert (one["payout"], one["payout_stated"], one["payout_currency"]) == (
        None, chosen["stated"], chosen["stated_in"],
    )  # fmt: skip
    # Days that were built in different currencies are no one sum.
    change = f"alter table {read.table('marts', 'mart_publisher_daily')} update currency = '{{}}'"
    change += " where event_date = '2026-01-06' settings mutations_sync = 2"
    read.command(change.format("EUR"))
    with pytest.raises(UserError, match="built in EUR and USD: their money is no one sum"):
        rank_publishers(scope)
    read.command(change.format("USD"))
    assert rank_publishers(scope) == list(ranked.values())
    read.command(
        f"alter table {read.table('marts', 'scored_installs')} update currency = 'EUR'"
        " where event_date = '2026-01-06' settings mutations_sync = 2"
    )
    with pytest.raises(UserError, match="built in EUR and USD: their money is no one sum"):
        find_scope(read)


def test_revenue_is_in_dollars_alone(
    project: Project, warehouse: Warehouse, tmp_path: Path
) -> None:
    """What an event earned in another currency is never taken for dollars."""
    header = ("install_time,event_time,event_name,appsflyer_id,app_id,event_revenue,"
              "event_revenue_currency,event_revenue_usd")  # fmt: skip
    rows = [("230", "JPY", ""), ("230", "JPY", "1.5"), ("1.4", "EUR", "1.54"), ("2", "USD", "2")]
    folder = tmp_path / "t=inapps"
    folder.mkdir()
    (folder / "in_app_events.csv").write_text(
        "\n".join([header, *(
            f"2026-01-05 10:00:00,2026-01-05 11:00:0{n},af_purchase,1-{n},com.a,{','.join(row)}"
            for n, row in enumerate(rows)
        )]) + "\n"
    )  # fmt: skip
    run(project, "load", "appsflyer", folder / "in_app_events.csv", "--timezone", "UTC")
    run_dbt(project, ["run", "--select", "+app_events"])
    found = warehouse.query(
        f"select revenue_usd from {warehouse.table('core', 'app_events')} order by event_at"
    )
    assert found["revenue_usd"].to_list() == [None, 1.5, 1.54, 2.0]
