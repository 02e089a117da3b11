"""Scored installs made up row by row, and the payload that the contract makes of them."""

# ruff: noqa: E501  # the payload reads as the contract states it

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

FIRST = date(2026, 1, 1)
A, B = "xgboost-fs_install-aaaa1111", "logistic_regression-fs_install-bbbb2222"
STATES = ["fraud", "honest", "unknown"]
DIMENSIONS = {"publisher": "Publisher", "app": "App", "country": "Country", "os": "OS"}
COSTS = {"payout": 2.0, "dispute": 0.5, "review": 0.1}
CTIT_EDGES = [float(10**power) for power in np.linspace(0, 6, 31)]


def make_rows(n: int, days: int, publishers: int = 12, seed: int = 7) -> pl.DataFrame:
    """`n` installs over `days`: scores of two models, verdicts that come late, a hidden truth."""
    random = np.random.default_rng(seed)
    day = random.integers(0, days, n)
    publisher = random.integers(0, publishers, n)
    app = random.integers(0, 3, n)
    country = random.integers(0, 5, n)
    # One publisher's attack begins half-way and is not seen by the first model.
    is_new = (publisher == 3) & (day >= days // 2) & (random.random(n) < 0.5)
    is_fraud = is_new | (random.random(n) < 0.02 + 0.12 * (publisher % 4 == 1))
    logit = random.normal(-2.2, 1, n) + 3.2 * (is_fraud & ~is_new)
    other = random.normal(-2, 1.2, n) + 2.0 * is_fraud
    has_matured = day < days - 2
    state = np.where(
        is_fraud & (random.random(n) < 0.8), "fraud", np.where(has_matured, "honest", "unknown")
    )
    return pl.DataFrame(
        {
            "id": [f"install-{place:06d}" for place in range(n)],
            "day": day,
            "at": [
                f"{FIRST + timedelta(days=int(d))}T{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}"
                for d, s in zip(day, random.integers(0, 86_400, n), strict=True)
            ],
            "publisher": [f"network{p:02d}_int" for p in publisher],
            "app": [f"com.made.app{a}" for a in app],
            "country": np.array(["DE", "US", "BR", "ID", "IN"])[country],
            "os": np.where(random.random(n) < 0.7, "android", "ios"),
            "ctit_seconds": np.where(
                is_fraud, random.lognormal(2.0, 0.8, n), random.lognormal(6.0, 1.5, n)
            ).round(3),
            "payout": random.choice([1.0, 1.5, 2.25, 3.0], n),
            A: 1 / (1 + np.exp(-logit)),
            B: 1 / (1 + np.exp(-other)),
            "state": state,
            "truth": np.where(is_fraud, "fraud", "honest"),
            "attack": np.where(is_new, "smart_bots", np.where(is_fraud, "click_injection", "")),
        }
    )


def paid_in(rows: pl.DataFrame, currency: str, publishers: list[str]) -> pl.DataFrame:
    """The rows with payouts of these publishers in a currency that no rate converts."""
    is_foreign = pl.col("publisher").is_in(publishers)
    return rows.with_columns(
        payout_stated="payout",
        payout_currency=pl.when(is_foreign).then(pl.lit(currency)).otherwise(pl.lit("USD")),
        payout=pl.when(~is_foreign).then("payout"),
    )


def make_payload(rows: pl.DataFrame, samples: int = 40) -> dict[str, Any]:
    """The payload of these rows, as the contract states it."""
    days = [str(FIRST + timedelta(days=day)) for day in range(int(rows["day"].max()) + 1)]  # type: ignore[arg-type]
    operating = {name: float(rows[name].quantile(0.9, "nearest")) for name in (A, B)}  # type: ignore[arg-type]
    edges = {name: _edges(rows[name].to_numpy(), operating[name]) for name in (A, B)}
    values = {"all": ["all"]} | {name: sorted(rows[name].unique().to_list()) for name in DIMENSIONS}
    binned = rows.with_columns(
        pl.lit("all").alias("all"),
        *(pl.Series(f"bin {m}", _place(rows[m].to_numpy(), edges[m])) for m in (A, B)),
        pl.Series("ctit", np.searchsorted(CTIT_EDGES, rows["ctit_seconds"], "right")),
    )
    models = [
        {"version": m, "family": m.split("-")[0], "role": role, "n": rows.height,
         "operating": {"name": "balanced", "value": operating[m]},
         "thresholds": [{"name": "balanced", "value": operating[m]}]}
        for m, role in ((A, "champion"), (B, "challenger"))
    ]  # fmt: skip
    apps = values["app"]
    return {
        "version": 1, "title": "Explorer of made installs", "made_at": "2026-02-01T00:00:00",
        "feature_set": "fs_install", "target": "is_fraud", "subject": "install",
        "from": days[0], "to": str(FIRST + timedelta(days=len(days))), "currency": "USD",
        "money": _money(rows),
        "has_truth": True, "costs": COSTS, "models": models, "edges": edges, "days": days,
        "dimensions": [{"name": name, "label": DIMENSIONS.get(name, "All"), "values": held}
                       for name, held in values.items()],
        "states": STATES, "truths": ["fraud", "honest"],
        "bins": {m: {name: _bins(binned, m, name, held) for name, held in values.items()}
                 for m in (A, B)},
        "ctit": {"edges": CTIT_EDGES, "unknown": len(CTIT_EDGES) + 1, "rows": {m: _ctit(binned, m, apps) for m in (A, B)},
                 "baseline": {app: _histogram(binned.filter(app=app)["ctit"]) for app in apps}},
        "folds": _folds(days), "attacks": [{"attack": "smart_bots", "began": days[len(days) // 2],
                                            "n": rows.filter(attack="smart_bots").height}],
        "unseen": [{"attack": "smart_bots", "model": "xgboost", "variant": "as_is", "recall": 0.5,
                    "low": 0.4, "high": 0.6, "n": 90},
                   {"attack": "smart_bots", "model": "xgboost", "variant": "held_out:smart_bots",
                    "recall": 0.21, "low": 0.15, "high": 0.29, "n": 140},
                   {"attack": "click_injection", "model": "xgboost", "variant": "as_is",
                    "recall": 0.8, "low": 0.4, "high": 0.96, "n": 5}],
        "publishers": [], "slices": _slices(rows, operating[A]),
        "calibration": {A: [{"bin": b, "n": int(part.height), "mean_probability": part[A].mean(),
                             "verdicts": int((part["state"] == "fraud").sum())}
                            for (b,), part in binned.group_by([f"bin {A}"], maintain_order=True)]},
        "drift": [{"day": days[-1], "feature": "install__ctit_seconds", "psi": 0.31, "limit": 0.2, "n": 90},
                  {"day": days[-1], "feature": "device__clicks_1d", "psi": 0.02, "limit": 0.2, "n": 90}],
        "disagreements": {m: _disagreements(rows, m, operating) for m in (A, B)},
        "pairs": [_pair(rows, operating)],
        "rows": {str(place): told(rows.filter(**one["where"]).filter(state="fraud").head(samples), operating)
                 for place, one in enumerate(_slices(rows, operating[A]))},
    }  # fmt: skip


def told(rows: pl.DataFrame, operating: dict[str, float]) -> list[dict[str, Any]]:
    """Rows of evidence with reasons and raw events."""
    return [
        {
            **{name: row[name] for name in ("id", "at", "app", "publisher", "country",
                                            "ctit_seconds", "payout", "state", "truth")},
            "payout_stated": row.get("payout_stated", row["payout"]),
            "payout_currency": row.get("payout_currency", "USD"),
            "subpublisher": None, "attack": row["attack"] or None,
            "score": {m: row[m] for m in (A, B)},
            "flagged": {m: int(row[m] >= operating[m]) for m in (A, B)},
            "reasons": [f"The install began {row['ctit_seconds']:g} seconds after its click."],
            "events": [{"at": row["at"], "kind": "click", "says": "of a network <b>&",
                        "relations": ["the click that claims it", "same device"]}],
        }
        for row in rows.to_dicts()
    ]  # fmt: skip


def _edges(scores: np.ndarray, threshold: float) -> list[float]:
    found = np.unique(np.quantile(scores, np.linspace(0, 1, 101), method="nearest"))
    nearest = int(np.argmin(np.abs(found[1:-1] - threshold))) + 1
    found[nearest] = threshold
    return [float(edge) for edge in found]


def _place(scores: np.ndarray, edges: list[float]) -> np.ndarray:
    return np.clip(np.searchsorted(edges, scores, "right") - 1, 0, len(edges) - 2)


def _bins(binned: pl.DataFrame, model: str, name: str, held: list[str]) -> dict[str, list[Any]]:
    keys = ["day", name, f"bin {model}", "state", "truth"]
    sums = {"count": pl.len(), "spend": pl.col("payout").sum()}
    if binned["payout"].null_count():
        sums["unconverted"] = pl.col("payout").is_null().sum()
    found = binned.group_by(keys).agg(**sums).sort(keys)
    return {
        "day": found["day"].to_list(),
        "value": [held.index(value) for value in found[name]],
        "bin": found[f"bin {model}"].to_list(),
        "state": [STATES.index(value) for value in found["state"]],
        "truth": [STATES.index(value) for value in found["truth"]],
        **{one: found[one].to_list() for one in sums},
    }


def _money(rows: pl.DataFrame) -> dict[str, Any]:
    left_out = rows.filter(pl.col("payout").is_null())
    stated = (
        [
            {"currency": currency, "n": part.height, "amount": part["payout_stated"].sum()}
            for (currency,), part in left_out.group_by(["payout_currency"], maintain_order=True)
        ]
        if left_out.height
        else []
    )
    return {"priced": rows.height, "unconverted": left_out.height, "stated": stated}


def _ctit(binned: pl.DataFrame, model: str, apps: list[str]) -> dict[str, list[int]]:
    keys = ["day", "ctit", f"bin {model}", "app"]
    found = binned.group_by(keys).agg(count=pl.len()).sort(keys)
    return {
        "day": found["day"].to_list(), "ctit": found["ctit"].to_list(),
        "score_bin": found[f"bin {model}"].to_list(),
        "app": [apps.index(app) for app in found["app"]], "count": found["count"].to_list(),
    }  # fmt: skip


def _histogram(places: pl.Series) -> list[int]:
    return [int(n) for n in np.bincount(places.to_numpy(), minlength=len(CTIT_EDGES) + 2)]


def _folds(days: list[str]) -> list[dict[str, Any]]:
    return [
        {"model": model, "variant": "as_is", "train_labels": "all", "fold": fold,
         "test_from": days[3 * fold], "segment": segment, "labels": segment,
         "metric": "average_precision", "value": 0.7 - 0.1 * fold - low, "low": 0.6 - 0.1 * fold - low,
         "high": 0.8 - 0.1 * fold - low, "n": 400}
        for model, low in (("xgboost", 0.0), ("logistic_regression", 0.1))
        for fold in range(3)
        for segment in ("known", "matured")
    ]  # fmt: skip


def _slices(rows: pl.DataFrame, threshold: float) -> list[dict[str, Any]]:
    frauds = rows.filter(state="fraud")
    overall = float((frauds[A] < threshold).mean())  # type: ignore[arg-type]
    found = []
    for where in ({"publisher": "network03_int"}, {"publisher": "network03_int", "os": "android"}):
        own = frauds.filter(**where)
        errors = int((own[A] < threshold).sum())
        found.append(
            {"model": A, "kind": "missed", "where": where, "n": own.height, "errors": errors,
             "rate": errors / own.height, "overall": overall,
             "effect": errors / own.height - overall, "p_value": 1e-9, "p_adjusted": 1e-7}
        )  # fmt: skip
    return found


def _disagreements(rows: pl.DataFrame, m: str, operating: dict[str, float]) -> dict[str, Any]:
    missed = rows.filter(state="fraud").sort(m).head(50)
    strong = rows.filter(pl.col("state") != "fraud").sort(m, descending=True).head(50)
    return {"missed": told(missed, operating), "flagged_without_verdict": told(strong, operating)}


def _pair(rows: pl.DataFrame, operating: dict[str, float]) -> dict[str, Any]:
    a, b = (pl.col(m) >= operating[m] for m in (A, B))
    apart = rows.filter(a != b)
    return {
        "a": A, "b": B, "n": rows.height, "both": rows.filter(a & b).height,
        "only_a": rows.filter(a & ~b).height, "only_b": rows.filter(b & ~a).height,
        "rows": told(apart.head(30), operating),
    }  # fmt: skip
