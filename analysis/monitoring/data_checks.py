"""Freshness, volume and drift: whether data come in time, in the usual number, and alike."""

import statistics
from datetime import date, datetime, timedelta

from clickward.analysis.monitoring.findings import Finding, State
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.durations import as_utc

HOUR = timedelta(hours=1)
KINDS = {"click": "clicks", "install": "installs", "event": "app_events"}


def check_freshness(warehouse: Warehouse, limits: dict[str, float], now: datetime) -> list[Finding]:
    """The last build passed; the latest event of each kind and source, and the latest score."""
    findings = [_last_build(warehouse)]
    limit = limits["max_age_hours"]
    for kind, table in KINDS.items():
        latest = warehouse.query(
            "select toString(source) as source, max(event_at) as latest"
            f" from {warehouse.table('core', table)} where event_at <= {{now:DateTime64(3, 'UTC')}}"
            " group by source order by source",
            now=now,
        )
        for source, at in latest.iter_rows():
            age = (now - as_utc(at)) / HOUR
            findings.append(
                Finding(
                    "freshness", f"{kind}s of {source}",
                    State.ALARM if age > limit else State.OK, age, limit,
                    f"the latest happened {age:,.1f} h ago",
                    "load the newest files and run `clickward build`",
                )
            )  # fmt: skip
    return [*findings, _unscored(warehouse, limits["max_unscored_hours"], now)]


def _last_build(warehouse: Warehouse) -> Finding:
    event = warehouse.scalar(
        f"select argMax(event, at) from {warehouse.table('raw', 'build_runs')} where run_id ="
        f" (select argMax(run_id, at) from {warehouse.table('raw', 'build_runs')}"
        " where event = 'begun')"
    )
    seen = {"begun": "did not end", "failed": "failed"}.get(event, "passed")
    return Finding(
        "freshness", "last build", State.OK if seen == "passed" else State.ALARM, None, None,
        f"the last build {seen}", "run `clickward build` and mend what it names",
    )  # fmt: skip


def _unscored(warehouse: Warehouse, limit: float, now: datetime) -> Finding:
    """Hours between the latest install and the latest one with a score."""
    latest, scored = warehouse.client.query(
        f"select (select max(event_at) from {warehouse.table('core', 'installs')}"
        " where event_at <= {now:DateTime64(3, 'UTC')}),"
        f" (select maxOrNull(subject_at) from {warehouse.table('marts', 'scores_committed')}"
        " where target = 'is_fraud')",
        parameters={"now": now},
    ).result_rows[0]
    advice = "run `clickward score fs_install`"
    if scored is None:
        return Finding(
            "freshness", "scores", State.UNKNOWN, None, limit, "nothing is scored", advice
        )
    behind = max(0.0, (latest - scored) / HOUR)
    return Finding(
        "freshness", "scores", State.ALARM if behind > limit else State.OK, behind, limit,
        f"the latest scored install is {behind:,.1f} h older than the latest install", advice,
    )  # fmt: skip


def check_volume(warehouse: Warehouse, limits: dict[str, float], now: datetime) -> list[Finding]:
    """Rows of the last whole day beside the median of the days before, by kind and source."""
    last = last_whole_day(now)
    days = int(limits["volume_days"])
    counted = warehouse.query(
        "select toString(kind) as kind, toString(source) as source, event_date,"
        f" sum(rows) as rows from {warehouse.table('marts', 'mart_arrival_lag_daily')}"
        " where event_date between {first:Date} and {last:Date}"
        " group by kind, source, event_date order by kind, source",
        first=last - timedelta(days=days),
        last=last,
    )
    findings = []
    for (kind, source), group in counted.group_by("kind", "source", maintain_order=True):
        rows = {row["event_date"]: row["rows"] for row in group.to_dicts()}
        findings.append(_volume(f"{kind}s of {source}", rows, last, limits))
    return findings


def _volume(subject: str, rows: dict[date, int], last: date, limits: dict[str, float]) -> Finding:
    seen = rows.pop(last, 0)
    if len(rows) < 3:
        return Finding(
            "volume", subject, State.UNKNOWN, None, limits["volume_low"],
            f"{seen:,} rows on {last}; only {len(rows)} day(s) before to compare with",
        )  # fmt: skip
    usual = statistics.median(rows.values())
    ratio = seen / usual
    is_low = ratio < limits["volume_low"]
    is_high = ratio > limits["volume_high"]
    advice = (
        "look for files that did not come: `clickward loads`"
        if is_low
        else "look for a flood or a doubled delivery: mart_publisher_daily names who sends it"
    )
    return Finding(
        "volume", subject, State.ALARM if is_low or is_high else State.OK, ratio,
        limits["volume_high" if is_high else "volume_low"],
        f"{seen:,} rows on {last}, usually {usual:,.0f}", advice,
    )  # fmt: skip


def check_drift(warehouse: Warehouse, limits: dict[str, float], now: datetime) -> list[Finding]:
    """Features that drift on each of the last days, by feature set."""
    days = int(limits["drift_days"])
    drifting = warehouse.query(
        f"""
        select
            toString(feature_set) as name, toString(feature) as feature,
            countIf(is_drift) as days_of_drift, max(stability_index / drift_limit) as times
        from
            (
                select
                    *,
                    dense_rank() over (partition by feature_set order by event_date desc) as age
                from {warehouse.table("marts", "mart_feature_drift_daily")}
                where not is_reference and event_date <= {{last:Date}}
            )
        where age <= {{days:UInt32}}
        group by name, feature order by name, times desc, feature
        """,
        last=last_whole_day(now),
        days=days,
    )
    if drifting.is_empty():
        return [
            Finding(
                "drift", "features", State.UNKNOWN, None, limits["drift_features"],
                "no day after a model's training is built",
            )
        ]  # fmt: skip
    findings = []
    for (name,), group in drifting.group_by("name", maintain_order=True):
        found = [row for row in group.to_dicts() if row["days_of_drift"] >= days]
        worst = ", ".join(f"{row['feature']} ({row['times']:.1f} x its limit)" for row in found[:5])
        findings.append(
            Finding(
                "drift", str(name),
                State.ALARM if len(found) > limits["drift_features"] else State.OK,
                float(len(found)), limits["drift_features"],
                f"{len(found)} of {group.height} features drift on the last {days} day(s)"
                + (f": {worst}" if found else ""),
                "see mart_feature_drift_daily; a change in the data asks for a mended source, one"
                " in the world for `clickward train`",
            )
        )  # fmt: skip
    return findings


def last_whole_day(now: datetime) -> date:
    """The UTC day before the one that `now` is in."""
    return now.date() - timedelta(days=1)
