"""What the explorer should count, in plain Python from installs, scores, labels and prices."""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any

from tests.oracles.facts import Row

MATURED = timedelta(days=7)


def latest_scores(scores: Iterable[Row], runs: Iterable[Row]) -> dict[str, dict[str, Row]]:
    """By install and model version the score of the run committed last, challengers' among them."""
    committed = {r["run_id"]: r["committed_at"] for r in runs if r["kind"] in ("score", "shadow")}
    found: dict[str, dict[str, Row]] = {}
    for row in scores:
        if row["run_id"] in committed and row["target"] == "is_fraud":
            of_install = found.setdefault(row["subject_id"], {})
            kept = of_install.get(row["model_version"])
            if kept is None or committed[kept["run_id"]] < committed[row["run_id"]]:
                of_install[row["model_version"]] = row
    return found


def scored_rows(facts: list[Row], said: dict[str, dict[str, Row]], labels: list[Row],
                attacks: dict[str, str]) -> list[Row]:  # fmt: skip
    """Each scored install: its values by dimension, its scores, its label state and its truth."""
    last = max(row["known_at"] for row in labels).date()
    rows = []
    for fact in facts:
        if fact["install_id"] not in said:
            continue
        state = "unknown"
        if fact["has_verdict"]:
            state = "fraud"
        elif fact["event_date"] + MATURED < last:
            state = "honest"
        system = " ".join(filter(None, (fact["platform"], fact["os_version"])))
        own = f"{fact['publisher']} / {fact['subpublisher']}" if fact["subpublisher"] else None
        of_install = said[fact["install_id"]]
        rows.append(
            {
                "id": fact["install_id"], "at": fact["event_at"], "day": fact["event_date"],
                "publisher": fact["publisher"] or None, "subpublisher": own, "app": fact["app_id"],
                "country": fact["country"], "os": system or None, "carrier": fact["carrier"],
                "hour": str(fact["event_at"].hour), "all": "all",
                "ctit": fact["ctit_seconds"], "state": state,
                "truth": "fraud" if fact["install_id"] in attacks else "honest",
                "attack": attacks.get(fact["install_id"]),
                "paid": None if fact["is_blocked"] else fact["amount"],
                "dispute": fact["dispute_cost"], "review": fact["review_cost"],
                "score": {version: row["score"] for version, row in of_install.items()},
                "probability": {v: row["probability"] for v, row in of_install.items()},
                "reasons": {v: row["reason_features"] for v, row in of_install.items()},
            }
        )  # fmt: skip
    return sorted(rows, key=lambda row: (row["at"], row["id"]))


def bin_of(edges: list[float], score: float) -> int:
    """The bin that holds a score: `edges[b] <= score < edges[b + 1]`, the last one closed."""
    return min(bisect_right(edges, score) - 1, len(edges) - 2)


def values_of(rows: list[Row], dimension: str, most: int = 50) -> list[str | None]:
    """The largest values first; of equals the one that sorts first, unknown before all."""
    if dimension == "hour":
        return [str(hour) for hour in range(24)]
    counts = Counter(row[dimension] for row in rows)
    return sorted(counts, key=lambda value: (-counts[value], value or ""))[:most]


def cells(
    rows: list[Row], version: str, edges: list[float], dimension: str, first: date,
    values: list[str | None], begins: list[int],
) -> dict[tuple[Any, ...], tuple[int, float]]:  # fmt: skip
    """Rows and payout by day, value, bin, state and truth."""
    found: dict[tuple[Any, ...], tuple[int, float]] = {}
    for row in rows:
        if version in row["score"]:
            place = values.index(row[dimension]) if row[dimension] in values else len(values)
            exact = bin_of(edges, row["score"][version])
            group = max(b for b in begins if b <= exact)
            key = ((row["day"] - first).days, place, group, row["state"], row["truth"])
            count, spend = found.get(key, (0, 0.0))
            found[key] = count + 1, round(spend + (row["paid"] or 0), 6)
    return found


def step_up(p_values: list[float]) -> list[float]:
    """Adjusted p-values of Benjamini and Hochberg (1995), in the same order."""
    m = len(p_values)
    order = sorted(range(m), key=lambda i: p_values[i], reverse=True)
    adjusted, least = [1.0] * m, 1.0
    for rank, i in zip(range(m, 0, -1), order, strict=True):
        least = min(least, p_values[i] * m / rank)
        adjusted[i] = least
    return adjusted


def at_least(k: int, n: int, p: float) -> float:
    """The chance of `k` or more of `n` where each has the chance `p`, summed term by term."""
    return math.fsum(
        math.exp(
            math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1)
            + i * math.log(p) + (n - i) * math.log1p(-p)
        )
        for i in range(k, n + 1)
    )  # fmt: skip


def slice_counts(
    rows: list[Row], wrong: Callable[[Row], bool], keys: list[tuple[str, ...]]
) -> dict[tuple[tuple[str, str | None], ...], tuple[int, int]]:
    """Errors and rows of every segment and pair of them."""
    found: dict[tuple[tuple[str, str | None], ...], tuple[int, int]] = {}
    for row in rows:
        for group in keys:
            where = tuple((name, row[name]) for name in group)
            errors, n = found.get(where, (0, 0))
            found[where] = errors + wrong(row), n + 1
    return found


def at_or_above(
    rows: list[Row], threshold: float, dimension: str, mature_before: date
) -> dict[tuple[str, str | None, str], int]:
    """Rows with a score of at least `threshold` by day, value of a dimension and label state."""
    found: dict[tuple[str, str | None, str], int] = {}
    for row in rows:
        if row["score"] >= threshold:
            matured = "honest" if row["day"] < mature_before else "unknown"
            state = "fraud" if row["has_verdict"] else matured
            key = (row["day"].isoformat(), "all" if dimension == "all" else row[dimension], state)
            found[key] = found.get(key, 0) + 1
    return found
