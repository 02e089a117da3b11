"""What is true of each install, in plain Python from core tables, scores and a price list."""

import csv
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.oracles.money import Rates, code

Row = dict[str, Any]
DAY = timedelta(days=1)


def scores_in_force(scores: list[Row], runs: list[Row], promotions: list[Row]) -> dict[str, Row]:
    """The score that counts of each subject: the champion's, else the one committed last."""
    committed = {r["run_id"]: r["committed_at"] for r in runs if r["kind"] == "score"}
    champion: dict[str, tuple[datetime, str]] = {}
    for row in promotions:
        one = (row["promoted_at"], row["model_version"])
        champion[row["feature_set"]] = max(one, champion.get(row["feature_set"], one))
    best: dict[str, tuple[Any, Row]] = {}
    for row in scores:
        if row["run_id"] in committed:
            chosen = champion.get(row["feature_set"], (None, None))[1] == row["model_version"]
            rank = (chosen, committed[row["run_id"]])
            if row["subject_id"] not in best or rank > best[row["subject_id"]][0]:
                best[row["subject_id"]] = (rank, row)
    return {subject: row for subject, (_, row) in best.items()}


def frauds(labels: Iterable[Row], until: dict[str, datetime] | None = None) -> set[str]:
    """Installs whose latest verdict of some source is fraud, of those known `until` an instant."""
    latest: dict[tuple[str, str], tuple[Any, int]] = {}
    for row in labels:
        subject = row["subject_id"]
        if until is not None and (subject not in until or row["known_at"] > until[subject]):
            continue
        one = ((row["known_at"], row["value"]), row["value"])
        key = (subject, row["verdict_source"])
        latest[key] = max(one, latest.get(key, one))
    return {subject for (subject, _), (_, value) in latest.items() if value}


def read_prices(*files: Path) -> list[Row]:
    """Rows of price lists, those of later files said later."""
    rows: list[Row] = []
    for said, file in enumerate(files):
        with file.open() as lines:
            rows += [row | {"said": said} for row in csv.DictReader(lines)]
    return rows


def price(prices: list[Row], app: str, network: str, day: date) -> Row:
    """Each amount and its currency from the most precise row in force that says the amount; (None,
    None) where none does."""
    found: Row = {}
    fitting = [
        row
        for row in prices
        if row["app_id"] in (app, "*")
        and row["network"] in (network, "*")
        and date.fromisoformat(row["valid_from"]) <= day
    ]
    fitting.sort(
        key=lambda r: (r["app_id"] != "*", r["network"] != "*", r["valid_from"], r["said"])
    )
    for row in fitting:
        for amount in ("payout", "dispute_cost", "review_cost"):
            if row[amount] != "":
                found[amount] = (float(row[amount]), code(row["currency"]) or None)
    return {
        name: found.get(name, (None, None)) for name in ("payout", "dispute_cost", "review_cost")
    }


def install_facts(
    installs: list[Row],
    events: list[Row],
    fraudulent: set[str],
    in_force: dict[str, Row],
    prices: list[Row],
    rates: Rates | None = None,
) -> list[Row]:
    """Each install with what scorecards, savings and claims count of it."""
    rates = rates or Rates()
    by_device: dict[int, list[datetime]] = defaultdict(list)
    for row in installs:
        if row["device_hash"] is not None:
            by_device[row["device_hash"]].append(row["event_at"])
    back: dict[str, set[int]] = defaultdict(set)
    at = {row["install_id"]: row["event_at"] for row in installs}
    for row in events:
        if row["install_id"] in at:
            back[row["install_id"]].add((row["event_at"] - at[row["install_id"]]) // DAY)
    last_day = max((row["event_date"] for row in events), default=date(1970, 1, 1))
    facts = []
    for row in installs:
        known = not row["is_blocked"]
        said = price(prices, row["app_id"], row["publisher"], row["event_date"])
        score = in_force.get(row["install_id"], {})
        if row["is_organic"]:
            said["payout"] = (None, None)
        elif said["payout"][0] is None and row["payout"] is not None:
            said["payout"] = (row["payout"], row["payout_currency"])
        paid = {
            name: rates.converted(amount, currency, row["event_date"])
            for name, (amount, currency) in said.items()
        }
        facts.append(
            {
                **row,
                "subpublisher": row["subpublisher"] or "",
                "is_new": None
                if row["device_hash"] is None
                else not any(
                    row["event_at"] - 7 * DAY <= other < row["event_at"]
                    for other in by_device[row["device_hash"]]
                ),
                "back_1": 1 in back[row["install_id"]]
                if known and row["event_date"] + 2 * DAY <= last_day
                else None,
                "back_7": 7 in back[row["install_id"]]
                if known and row["event_date"] + 8 * DAY <= last_day
                else None,
                "has_verdict": row["install_id"] in fraudulent,
                "score": score.get("score"),
                "flagged": score.get("is_flagged"),
                "named": score.get("reason_features", []),
                "stated": said["payout"][0],
                "stated_in": said["payout"][1],
                "amount": paid["payout"],
                "dispute_cost": paid["dispute_cost"],
                "review_cost": paid["review_cost"],
                "unconverted": [
                    name
                    for name, (amount, _) in said.items()
                    if amount is not None and paid[name] is None
                ],
                "into": rates.into,
            }
        )
    return facts
