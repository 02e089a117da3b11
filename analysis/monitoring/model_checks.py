"""Score distribution and model quality of the model that speaks for installs."""

import math
from datetime import date, datetime
from typing import Any

from clickward.analysis.monitoring.data_checks import last_whole_day
from clickward.analysis.monitoring.findings import Finding, State
from clickward.models_ml.training.registry import champion_of
from clickward.warehouse.connection import Warehouse

FEATURE_SET = "fs_install"
# Kolmogorov's distance is exceeded by chance once in a thousand days (Smirnov 1948).
BY_CHANCE = 1.95


def model_in_force(warehouse: Warehouse) -> str | None:
    """The champion of installs, else the model whose scores are in force by the latest run."""
    champion = champion_of(warehouse, FEATURE_SET)
    return champion or warehouse.scalar(
        "select argMax(model_version, (standing, committed_at)) from"
        f" {warehouse.table('marts', 'production_runs')}"
        f" where feature_set = '{FEATURE_SET}' having count() > 0"
    )


def check_scores(warehouse: Warehouse, limits: dict[str, float], now: datetime) -> list[Finding]:
    """Distance of the last whole day's scores from those of the days before."""
    version, last = model_in_force(warehouse), last_whole_day(now)
    subject = version or "no model"
    if version is None:
        return [
            Finding("score distribution", subject, State.UNKNOWN, None, None, "nothing is scored")
        ]
    days = int(limits["score_days"])
    scores = f"""
        (
            select score, toUInt8(event_date = {{last:Date}}) as is_last
            from {warehouse.table("marts", "fct_scored_installs_by_version")}
            where target = 'is_fraud' and model_version = {{version:String}}
                and event_date between {{last:Date}} - {days} and {{last:Date}}
        )
    """
    bounds = {"last": last, "version": version}
    n, m = warehouse.client.query(
        f"select countIf(not is_last), countIf(is_last) from {scores}", parameters=bounds
    ).result_rows[0]
    if not n or not m:
        return [
            Finding(
                "score distribution", subject, State.UNKNOWN, None, limits["score_shift"],
                f"{m:,} installs scored on {last}, {n:,} on the {days} days before",
            )
        ]  # fmt: skip
    distance = warehouse.scalar(
        f"select kolmogorovSmirnovTest('two-sided')(score, is_last).1 from {scores}", **bounds
    )
    limit = max(limits["score_shift"], BY_CHANCE * math.sqrt((n + m) / (n * m)))
    return [
        Finding(
            "score distribution", subject, State.ALARM if distance > limit else State.OK,
            distance, limit,
            f"scores of {m:,} installs on {last} beside {n:,} of the {days} days before",
            "see mart_publisher_daily for who sends what scores high; drift says which features"
            " moved",
        )
    ]  # fmt: skip


def check_quality(warehouse: Warehouse, limits: dict[str, float], now: datetime) -> list[Finding]:
    """Recall and precision on matured verdicts of the last complete days."""
    version, last = model_in_force(warehouse), last_whole_day(now)
    counted = warehouse.query(
        f"""
        select
            sum(frauds) as frauds, sum(flagged) as flagged, sum(frauds_flagged) as hits,
            min(event_date) as first_day, max(event_date) as last_day
        from
            (
                select *
                from {warehouse.table("marts", "mart_model_quality_daily")}
                where labels = 'matured' and is_complete = 1 and event_date <= {{last:Date}}
                    and model_version = {{version:String}}
                order by event_date desc limit {int(limits["quality_days"])}
            )
        """,
        last=last,
        version=version or "",
    ).row(0, named=True)
    return [
        _share_at_least("recall", "frauds", counted, limits["min_recall"], version),
        _share_at_least("precision", "flagged", counted, limits["min_precision"], version),
    ]


def _share_at_least(
    name: str, of: str, counted: dict[str, Any], limit: float, version: str | None
) -> Finding:
    """Alarms where even the upper end of the 95 % interval lies below the limit."""
    subject, hits, n = f"{name} of {version or 'no model'}", counted["hits"], counted[of]
    if not n:
        return Finding(
            "model quality", subject, State.UNKNOWN, None, limit, "no matured day has any to count"
        )
    first, last = counted["first_day"], counted["last_day"]
    return Finding(
        "model quality", subject, State.ALARM if wilson_high(hits, n) < limit else State.OK,
        hits / n, limit,
        f"{hits:,} of {n:,} {of} {_between(first, last)}",
        "compare with `clickward validate fs_install`, then train on newer verdicts",
    )  # fmt: skip


def _between(first: date, last: date) -> str:
    return f"on {first}" if first == last else f"from {first} to {last}"


def wilson_high(k: int, n: int) -> float:
    """Upper end of the 95 % interval of a share (Wilson 1927)."""
    z, p = 1.96, k / n
    middle = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle + half) / (1 + z * z / n)
