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
                "stated": None if fact["is_blocked"] else fact["stated"],
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


def fold_figures(evaluations: list[Row], run_id: str) -> list[Row]:
    """The figures of a run over all its test rows, by fold."""
    shown = {
        "average_precision", "roc_auc", "recall_at_fpr_0.1pct", "recall_at_fpr_0.5pct",
        "recall_at_balanced", "fpr_reached_fpr_0.5pct", "net_saved_at_balanced",
        "calibration_error",
    }  # fmt: skip
    return [
        {
            **{key: row[key] for key in ("model", "variant", "train_labels", "fold", "segment",
                                         "labels", "metric", "value", "low", "high", "n")},
            "test_from": f"{row['test_from']:%Y-%m-%dT%H:%M:%SZ}",
            "test_to": f"{row['test_to']:%Y-%m-%dT%H:%M:%SZ}",
        }
        for row in evaluations
        if row["run_id"] == run_id
        and row["metric"] in shown
        and row["segment"] == row["labels"]
    ]  # fmt: skip


def unseen_recalls(evaluations: list[Row], run_id: str) -> list[Row]:
    """Recall over all folds on each attack that training lacked, by chance or because held out."""
    return [
        {
            "attack": row["segment"].removeprefix("unseen:"),
            "recall": row["value"],
            **{key: row[key] for key in ("model", "variant", "train_labels", "low", "high", "n")},
        }
        for row in evaluations
        if row["run_id"] == run_id
        and (row["fold"], row["metric"]) == (-1, "recall_at_balanced")
        and row["segment"].startswith("unseen:")
    ]


def attack_starts(installs: list[Row], attacks: dict[str, str]) -> list[Row]:
    """First day and installs of each attack, the earliest first."""
    days: dict[str, list[str]] = {}
    for row in installs:
        if row["install_id"] in attacks:
            attack = attacks[row["install_id"]]
            days.setdefault(attack, []).append(row["event_date"].isoformat())
    found = [{"attack": a, "began": min(own), "n": len(own)} for a, own in days.items()]
    return sorted(found, key=lambda row: (row["began"], row["attack"]))


def mean(values: Iterable[float | None]) -> float | None:
    """Of those that are known; None where none is."""
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def ctit_cells(
    rows: list[Row], version: str | None, edges: list[float], seconds: list[float],
    begins: list[int],
) -> dict[tuple[Any, ...], int]:  # fmt: skip
    """Rows by click-to-install time and app; by day and group of score bins too with a version.

    Time bin 0 is below the first of `seconds`, the next-to-last above the last, the last unknown.
    """
    found: dict[tuple[Any, ...], int] = {}
    for row in rows:
        if version is not None and version not in row["score"]:
            continue
        time = len(seconds) + 1
        if row["ctit"] is not None:
            time = sum(edge <= row["ctit"] for edge in seconds)
        key: tuple[Any, ...] = (time, row["app"])
        if version is not None:
            exact = bin_of(edges, row["score"][version])
            group = max(b for b in begins if b <= exact)
            key = (row["day"].isoformat(), time, group, row["app"])
        found[key] = found.get(key, 0) + 1
    return found


def calibration(
    rows: list[Row], version: str, edges: list[float]
) -> dict[int, tuple[int, float, int]]:
    """Matured rows with a probability, its mean, and their verdicts, by score bin."""
    parts: dict[int, list[Row]] = {}
    for row in rows:
        if row["state"] != "unknown" and row["probability"].get(version) is not None:
            parts.setdefault(bin_of(edges, row["score"][version]), []).append(row)
    return {
        bin_: (
            len(part),
            math.fsum(row["probability"][version] for row in part) / len(part),
            sum(row["state"] == "fraud" for row in part),
        )
        for bin_, part in parts.items()
    }


def interval(k: int, n: int) -> tuple[float, float]:
    """Wilson's interval: the shares that lie 1.96 standard errors of their own from k / n.

    Found by halving, not by the formula.
    """

    def end(inner: float, outer: float) -> float:
        for _ in range(200):
            middle = (inner + outer) / 2
            reach = 1.96 * math.sqrt(middle * (1 - middle) / n)
            if abs(k / n - middle) <= reach:
                inner = middle
            else:
                outer = middle
        return inner

    return end(k / n, 0.0), end(k / n, 1.0)


def publishers(facts: list[Row], begin: date, end: date) -> dict[tuple[str, str | None], Row]:
    """Scored and flagged installs of each app and publisher, and those of as many days before."""
    before = begin - (end - begin)
    parts: dict[tuple[str, str | None], tuple[list[Row], list[Row]]] = {}
    for fact in facts:
        if fact["score"] is None or fact["publisher"] == "organic":
            continue
        now, earlier = parts.setdefault((fact["app_id"], fact["publisher"] or None), ([], []))
        if begin <= fact["event_date"] < end:
            now.append(fact)
        elif before <= fact["event_date"] < begin:
            earlier.append(fact)
    found = {}
    for key, (now, earlier) in parts.items():
        if now:
            flagged = [fact for fact in now if fact["flagged"]]
            low, high = interval(len(flagged), len(now))
            share = (
                sum(bool(fact["flagged"]) for fact in earlier) / len(earlier) if earlier else None
            )
            found[key] = {
                "n": len(now), "flagged": len(flagged), "share": len(flagged) / len(now),
                "low": low, "high": high, "previous_n": len(earlier), "previous_share": share,
                "spend_at_risk": at_risk(flagged),
                "unconverted_at_risk": sum(
                    "payout" in fact["unconverted"] and not fact["is_blocked"] for fact in flagged
                ),
            }  # fmt: skip
    return found


def at_risk(flagged: list[Row]) -> float | None:
    """Payout of flagged installs that are paid."""
    return math.fsum(
        fact["amount"] for fact in flagged if not fact["is_blocked"] and fact["amount"] is not None
    )


def side_of(rows: list[Row], version: str, threshold: float, side: str) -> list[Row]:
    """Rows scored by a version that are on a side of its threshold."""

    def is_in(row: Row) -> bool:
        flagged = row["score"][version] >= threshold
        if side == "missed":
            return row["state"] == "fraud" and not flagged
        if side == "false_alarm":
            return row["state"] == "honest" and flagged
        return bool(flagged == (side == "flagged"))

    return [row for row in rows if version in row["score"] and is_in(row)]


def strength(version: str, side: str) -> Callable[[Row], tuple[Any, ...]]:
    """A key that sorts the strongest first: the highest scores, of misses the lowest."""
    sign = 1 if side == "missed" else -1
    return lambda row: (sign * row["score"][version], row["at"], row["id"])


def pair_counts(
    rows: list[Row], at: dict[str, float], edges: dict[str, list[float]]
) -> tuple[dict[str, int], list[str]]:
    """How two models flag the rows both scored, and ids where they part, farthest bins first."""
    a, b = at
    both = [row for row in rows if a in row["score"] and b in row["score"]]
    flags = {row["id"]: tuple(row["score"][v] >= at[v] for v in at) for row in both}
    told = Counter(flags.values())

    def apart(row: Row) -> tuple[Any, ...]:
        places = [bin_of(edges[v], row["score"][v]) for v in at]
        return -abs(places[0] - places[1]), row["at"], row["id"]

    parted = sorted((row for row in both if len(set(flags[row["id"]])) == 2), key=apart)
    counts = {"n": len(both), "both": told[True, True], "only_a": told[True, False],
              "only_b": told[False, True]}  # fmt: skip
    return counts, [row["id"] for row in parted]
