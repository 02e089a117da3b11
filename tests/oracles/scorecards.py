"""Scorecards, savings, block list and model quality, in plain Python from each install's facts."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from tests.oracles.money import known_sum

Row = dict[str, Any]
PRIOR, MIN_INSTALLS, MIN_CLICKS = 50, 20, 1000


def grouped(rows: Iterable[Row], keys: Sequence[str]) -> dict[tuple[Any, ...], list[Row]]:
    found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(row[key] for key in keys)].append(row)
    return found


def share(n: float, k: float) -> float | None:
    return k / n if n else None


def mean(values: Iterable[Any]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return sum(known) / len(known) if known else None


def quantile(values: Iterable[Any], q: float) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.quantile(known, q)) if known else None


def wilson(k: int, n: int) -> tuple[float | None, float | None]:
    """Ends of the 95 % interval of a share (Wilson 1927)."""
    if not n:
        return None, None
    z, p = 1.96, k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def deviation(k: int, n: int, rate: float | None) -> float | None:
    if not n or rate is None or not 0 < rate < 1:
        return None
    return (k / n - rate) / math.sqrt(rate * (1 - rate) / n)


def shrunken(k: int, n: int, rate: float | None) -> float | None:
    return None if rate is None else (k + PRIOR * rate) / (n + PRIOR)


def money(rows: Iterable[Row], amount: Callable[[Row], float | None]) -> float:
    return sum(amount(row) or 0 for row in rows)


def known_payout(rows: list[Row]) -> float | None:
    """Payout of rows as far as it is known; None where some is stated and none converted."""
    return known_sum([r["amount"] for r in rows], ["payout" in r["unconverted"] for r in rows])


def mistake(row: Row) -> float | None:
    """What refusing to pay an honest install costs; None where a part of it is unknown."""
    if {"payout", "dispute_cost"} & set(row["unconverted"]):
        return None
    return (row["amount"] or 0) + (row["dispute_cost"] or 0)


def scorecard(facts: list[Row], clicks: list[Row], entity: Sequence[str]) -> list[Row]:
    """One row per day, app and entity; `clicks` are counts by the same and sub-publisher."""
    keys = ["event_date", "app_id", *entity]
    by_installs, by_clicks = grouped(facts, keys), grouped(clicks, keys)
    rows = []
    for key in by_installs.keys() | by_clicks.keys():
        row = dict(zip(keys, key, strict=True))
        rows.append(row | _counts(by_installs.get(key, []), by_clicks.get(key, [])))
    apps: dict[Any, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if row["publisher"] != "organic":
            names = (
                "clicks",
                "installs",
                "installs_with_ctit",
                "ctit_under_10s",
                "scored_installs",
                "flagged_installs",
            )
            apps[row["event_date"], row["app_id"]].update({name: row[name] for name in names})
    return [_beside_app(row, apps[row["event_date"], row["app_id"]]) for row in rows]


def _counts(installs: list[Row], clicks: list[Row]) -> Row:
    ctit = [r["ctit_seconds"] for r in installs if r["ctit_seconds"] is not None]
    scores = [r["score"] for r in installs if r["score"] is not None]
    at_risk = [r for r in installs if r["flagged"] and not r["is_blocked"]]
    scored_clicks = sum(r["scored_clicks"] for r in clicks)
    paid = [r for r in installs if r["amount"] is not None]
    return {
        "clicks": sum(r["clicks"] for r in clicks),
        "duplicate_clicks": sum(r["duplicate_clicks"] for r in clicks),
        "scored_clicks": scored_clicks,
        "conversions": sum(r["conversions"] for r in clicks),
        "mean_conversion_score": share(scored_clicks, sum(r["sum_of_scores"] for r in clicks)),
        "installs": len(installs),
        "blocked_installs": sum(r["is_blocked"] for r in installs),
        "duplicate_installs": sum(r["duplicate_count"] for r in installs),
        "verdicts_of_fraud": sum(r["has_verdict"] for r in installs),
        "scored_installs": len(scores),
        "flagged_installs": sum(bool(r["flagged"]) for r in installs),
        "installs_with_ctit": len(ctit),
        "ctit_under_10s": sum(value < 10 for value in ctit),
        "ctit_p10_seconds": quantile(ctit, 0.1),
        "ctit_median_seconds": quantile(ctit, 0.5),
        "ctit_p90_seconds": quantile(ctit, 0.9),
        "ctit_over_1h_share": mean(value > 3600 for value in ctit),
        "ctit_over_1d_share": mean(value > 86400 for value in ctit),
        "new_device_share": mean(r["is_new"] for r in installs),
        "retention_d1": mean(r["back_1"] for r in installs),
        "retention_d7": mean(r["back_7"] for r in installs),
        "fraud_score_median": quantile(scores, 0.5),
        "fraud_score_p90": quantile(scores, 0.9),
        "mean_fraud_score": mean(scores),
        "currency": installs[0]["into"] if installs else "USD",
        "unconverted_payouts": sum("payout" in r["unconverted"] for r in installs),
        "unconverted_at_risk": sum("payout" in r["unconverted"] for r in at_risk),
        "spend": money(paid, lambda r: r["amount"]) if paid else None,
        "spend_at_risk": known_payout(at_risk) if scores else None,
    }


def _beside_app(row: Row, app: Counter[str]) -> Row:
    conversion = share(app["clicks"], app["installs"])
    short = share(app["installs_with_ctit"], app["ctit_under_10s"])
    flagged = share(app["scored_installs"], app["flagged_installs"])
    low, high = wilson(row["flagged_installs"], row["scored_installs"])
    under = row.pop("ctit_under_10s")
    return row | {
        "conversion_rate": share(row["clicks"], row["installs"]),
        "app_conversion_rate": conversion,
        "conversion_rate_shrunken": shrunken(row["installs"], row["clicks"], conversion),
        "conversion_deviation": deviation(row["installs"], row["clicks"], conversion),
        "ctit_under_10s_share": share(row["installs_with_ctit"], under),
        "app_ctit_under_10s_share": short,
        "ctit_under_10s_deviation": deviation(under, row["installs_with_ctit"], short),
        "flagged_share": share(row["scored_installs"], row["flagged_installs"]),
        "flagged_share_low": low,
        "flagged_share_high": high,
        "app_flagged_share": flagged,
        "flagged_share_shrunken": shrunken(
            row["flagged_installs"], row["scored_installs"], flagged
        ),
        "has_minimum_volume": int(row["installs"] >= MIN_INSTALLS or row["clicks"] >= MIN_CLICKS),
    }


def savings(facts: list[Row], truth: set[str]) -> list[Row]:
    """One row per month, app, publisher and judge: what refusing to pay flagged installs saves."""
    paid = [
        r | {"month": r["event_date"].replace(day=1)}
        for r in facts
        if not r["is_organic"] and not r["is_blocked"]
    ]
    rows = []
    for (month, app, publisher), group in grouped(paid, ["month", "app_id", "publisher"]).items():
        for judge in ("verdicts", "truth"):
            is_fraud = {
                r["install_id"]: r["has_verdict"]
                if judge == "verdicts"
                else r["install_id"] in truth
                for r in group
            }
            flagged = [r for r in group if r["flagged"]]
            stopped = [r for r in flagged if is_fraud[r["install_id"]]]
            honest = [r for r in flagged if not is_fraud[r["install_id"]]]
            missed = [
                r
                for r in group
                if r["score"] is not None and not r["flagged"] and is_fraud[r["install_id"]]
            ]
            won = known_payout(stopped)
            costs = [mistake(r) for r in honest]
            lost = known_sum(costs, [cost is None for cost in costs])
            review = known_sum(
                [r["review_cost"] for r in flagged],
                ["review_cost" in r["unconverted"] for r in flagged],
            )
            paid_rows = [r for r in group if r["amount"] is not None]
            rows.append(
                {
                    "month": month, "app_id": app, "publisher": publisher, "judged_by": judge,
                    "installs": len(group),
                    "scored_installs": sum(r["score"] is not None for r in group),
                    "flagged_installs": len(flagged), "frauds_stopped": len(stopped),
                    "honest_stopped": len(honest), "frauds_missed": len(missed),
                    "currency": group[0]["into"],
                    "unconverted_payouts": sum("payout" in r["unconverted"] for r in group),
                    "unconverted_costs": sum(
                        bool({"dispute_cost", "review_cost"} & set(r["unconverted"]))
                        for r in flagged
                    ),
                    "spend": money(paid_rows, lambda r: r["amount"]) if paid_rows else None,
                    "fraud_stopped_amount": won,
                    "fraud_missed_amount": known_payout(missed),
                    "honest_stopped_amount": lost, "review_amount": review,
                    "net_saved": None if won is None or lost is None or review is None
                    else won - lost - review,
                }
            )  # fmt: skip
    return rows


def candidates(facts: list[Row], days: int, min_scored: int, min_share: float) -> list[Row]:
    """Sources whose flagged share is surely above `min_share` over the last `days`."""
    last: date = max(r["event_date"] for r in facts)
    recent = [
        r for r in facts if not r["is_organic"] and r["event_date"] > last - timedelta(days=days)
    ]
    rows = []
    for scope, source in (
        ("publisher", [r | {"subpublisher": ""} for r in recent]),
        ("subpublisher", [r for r in recent if r["subpublisher"]]),
    ):
        for key, group in grouped(source, ["app_id", "publisher", "subpublisher"]).items():
            scored = [r for r in group if r["score"] is not None]
            flagged = [r for r in scored if r["flagged"]]
            low, high = wilson(len(flagged), len(scored))
            if low is None or len(scored) < min_scored or low < min_share:
                continue
            named = Counter(name for r in flagged for name in r["named"])
            top = [name for name, _ in sorted(named.items(), key=lambda item: (-item[1], item[0]))]
            rows.append(
                {
                    "scope": scope, "app_id": key[0], "publisher": key[1], "subpublisher": key[2],
                    "judged_from": last - timedelta(days=days - 1), "judged_to": last,
                    "installs": len(group), "scored_installs": len(scored),
                    "flagged_installs": len(flagged),
                    "flagged_share": len(flagged) / len(scored),
                    "flagged_share_low": low, "flagged_share_high": high,
                    "currency": group[0]["into"],
                    "unconverted_at_risk": sum(
                        "payout" in r["unconverted"] for r in flagged if not r["is_blocked"]
                    ),
                    "spend_at_risk": known_payout([r for r in flagged if not r["is_blocked"]]),
                    "top_reasons": top[:3],
                }
            )  # fmt: skip
    return rows


def quality(scored: list[Row], provisional: set[str], matured: set[str]) -> list[Row]:
    """One row per day, model version and reading of the labels; `scored` are current scores."""
    rows = []
    for (day, version), group in grouped(scored, ["event_date", "model_version"]).items():
        for labels, positives in (("provisional", provisional), ("matured", matured)):
            y = np.array([r["subject_id"] in positives for r in group], dtype=int)
            flags = np.array([bool(r["is_flagged"]) for r in group])
            scores = np.array([r["score"] for r in group])
            hits, n = int((flags & (y == 1)).sum()), len(group)
            mixed = 0 < y.sum() < n
            rows.append(
                {
                    "event_date": day, "model_version": version, "labels": labels,
                    "installs": n, "frauds": int(y.sum()), "flagged": int(flags.sum()),
                    "frauds_flagged": hits,
                    "recall": share(y.sum(), hits),
                    "recall_low": wilson(hits, int(y.sum()))[0],
                    "recall_high": wilson(hits, int(y.sum()))[1],
                    "precision": share(flags.sum(), hits),
                    "precision_low": wilson(hits, int(flags.sum()))[0],
                    "precision_high": wilson(hits, int(flags.sum()))[1],
                    "false_positive_rate": share(n - y.sum(), flags.sum() - hits),
                    "average_precision": average_precision_score(y, scores) if mixed else None,
                    "roc_auc": roc_auc_score(y, scores) if mixed else None,
                }
            )  # fmt: skip
    return rows
