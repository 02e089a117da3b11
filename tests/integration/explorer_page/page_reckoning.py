"""The numbers of the page, computed again from the raw rows and from nothing of ours."""

from math import sqrt
from typing import Any

import polars as pl

Z = 1.959963984540054


def wilson(k: int, n: int) -> dict[str, float] | None:
    """A rate with its Wilson interval, by the textbook formula; None of no rows."""
    if n == 0:
        return None
    p = k / n
    middle = (k + Z**2 / 2) / (n + Z**2)
    half = Z * sqrt(n) / (n + Z**2) * sqrt(p * (1 - p) + Z**2 / (4 * n))
    return {"value": p, "low": max(0.0, middle - half), "high": min(1.0, middle + half), "n": n}


def numbers(
    rows: pl.DataFrame,
    score: str,
    threshold: float,
    costs: dict[str, float],
    verdict: str = "state",
) -> dict[str, Any]:
    """What the threshold view shows of these rows."""
    flagged = rows.filter(pl.col(score) >= threshold)
    fraud = rows.filter(pl.col(verdict) == "fraud").height
    honest = rows.filter(pl.col(verdict) == "honest").height
    tp = flagged.filter(pl.col(verdict) == "fraud").height
    fp = flagged.filter(pl.col(verdict) == "honest").height
    # Nobody is paid for an organic install; what is stated and not known is left out.
    stated = flagged["payout_stated" if "payout_stated" in rows.columns else "payout"]
    known = flagged["payout"].drop_nulls()
    left_out = stated.count() - known.len()
    paid, dispute, review = costs["payout"], costs["dispute"], costs["review"]
    return {
        "n": rows.height,
        "flagged": flagged.height,
        "precision": wilson(tp, tp + fp),
        "recall": wilson(tp, fraud),
        "fpr": wilson(fp, honest),
        "spend": None if left_out and known.is_empty() else known.sum(),
        "unconverted": left_out,
        "publishers": flagged["publisher"].n_unique(),
        "net": tp * paid - fp * (paid + dispute) - (tp + fp) * review,
    }


def best_threshold(
    rows: pl.DataFrame, score: str, edges: list[float], costs: dict[str, float]
) -> tuple[float, float]:
    """The edge whose net saving is the greatest, and that saving: every edge is tried."""
    tried = [(numbers(rows, score, edge, costs)["net"], edge) for edge in edges[:-1]]
    tried.append((0.0, edges[-1]))
    net, edge = max(tried)
    return edge, net
