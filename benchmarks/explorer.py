"""The explorer's data over 10,000,000 scored installs: `python benchmarks/explorer.py`."""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parent.parent))

from benchmarks.processes import run_measured  # noqa: E402

FIRST_DAY = "2026-01-01"
# Of the installs of each kind of value: how many values, and how steeply their sizes fall.
DIMENSIONS = {
    "publisher": (60, 1.6), "site": (40, 1.6), "app": (12, 1.5), "country": (60, 1.7),
    "os": (20, 1.3), "carrier": (150, 1.7),
}  # fmt: skip


def uniform(salt: str) -> str:
    """SQL of a number in (0, 1) that depends on the row and on `salt` only."""
    return f"((sipHash64(number, '{salt}') % 4294967296 + 0.5) / 4294967296)"


def place(name: str) -> str:
    """SQL of the place of a row's value among those of a dimension, small ones being large."""
    count, steepness = DIMENSIONS[name]
    return f"toString(toUInt32(floor({count} * pow({uniform(name)}, {steepness}))))"


def source(rows: int, days: int, models: int) -> str:
    """SQL of synthetic installs in order of time: 5 % frauds, four fifths of them found."""
    scores = ", ".join(
        f"1 / (1 + exp(-(if(is_fraud, 1.5, -4) + 1.5 * sqrt(-2 * log({uniform(f'r{m}')}))"
        f" * cos(2 * pi() * {uniform(f'a{m}')}))))"
        for m in range(models)
    )
    return f"""
        select
            number, reinterpretAsUUID(sipHash128(number)) as id,
            toDateTime64('{FIRST_DAY}', 3, 'UTC')
                + toIntervalMillisecond(intDiv(number * {days} * 86400000, {rows})) as at,
            concat('app.', {place("app")}) as app,
            concat('network_', {place("publisher")}) as network,
            concat('site_', {place("site")}) as site,
            concat('c', {place("country")}) as land,
            concat('android ', {place("os")}) as system,
            concat('carrier_', {place("carrier")}) as phone,
            {uniform("fraud")} < 0.05 as is_fraud,
            is_fraud and {uniform("found")} < 0.8 as is_found,
            sqrt(-2 * log({uniform("t1")})) * cos(2 * pi() * {uniform("t2")}) as normal,
            exp(if(is_fraud, 2, 6) + 2 * normal) as ctit,
            1 + (cityHash64(app) % 8) / 4 as price,
            [{scores}] as said
        from numbers({rows})
    """


def fill(rows: int, days: int, models: int) -> None:
    """A store with every table that the explorer reads, filled as a build and runs would."""
    from clickward.warehouse.build import run_dbt
    from clickward.warehouse.connection import connection
    from clickward.warehouse.profile import find_project
    from clickward.warehouse.run_log import ensure_ml_tables

    project = find_project(target="local")
    run_dbt(project, ["build", "--select", "+scored_installs", "+mart_publisher_daily",
                      "+mart_feature_drift_daily", "install_truth", "app_economics"])  # fmt: skip
    versions = [f"made-{m}" for m in range(models)]
    with connection(project) as warehouse:
        ensure_ml_tables(warehouse)

        def into(stage: str, name: str, columns: dict[str, str], what: str = "made") -> None:
            made = source(rows, days, models)
            warehouse.command(
                f"insert into {warehouse.table(stage, name)} ({', '.join(columns)})"
                f" select {', '.join(columns.values())} from ({made}) as made"
                + ("" if what == "made" else f" where {what}")
            )

        now, day = "toDateTime64('2026-03-01', 3, 'UTC')", "toDate(at)"
        ml = {name: warehouse.table("ml", name) for name in ("models", "runs", "thresholds")}
        for version in versions:
            warehouse.command(
                f"insert into {ml['models']} (model_version, model, feature_set, target,"
                f" trained_at) values ('{version}', 'made', 'fs_install', 'is_fraud', {now})"
            )
            for kind, run in (("train", version), ("score", f"of-{version}")):
                warehouse.command(
                    f"insert into {ml['runs']} (run_id, kind, feature_set, target, model_version,"
                    f" committed_at) values ('{run}', '{kind}', 'fs_install', 'is_fraud',"
                    f" '{version}', {now})"
                )
            warehouse.command(
                f"insert into {ml['thresholds']} (model_version, target, threshold_name, threshold,"
                f" set_at) values ('{version}', 'is_fraud', 'balanced', 0.5, {now}),"
                f" ('{version}', 'is_fraud', 'fpr_0.5pct', 0.62, {now})"
            )
        shared = {"install_id": "id", "event_at": "at", "event_date": day, "app_id": "app",
                  "publisher": "network", "ctit_seconds": "ctit"}  # fmt: skip
        into("core", "installs", {**shared, "subpublisher": "site", "country": "land",
             "touched_at": "at - toIntervalMillisecond(toInt64(ctit * 1000))",
             "ip_hash": "sipHash64(number % 3000000)", "device_hash": "sipHash64(number)"}
             | {"is_organic": "0"})  # fmt: skip
        into("marts", "install_facts", {**shared, "subpublisher": "site", "payout": "price",
             "payout_stated": "price", "payout_currency": "'USD'", "currency": "'USD'",
             "has_verdict": "is_found", "score": "said[1]", "is_flagged": "said[1] >= 0.5",
             "dispute_cost": "0.4", "review_cost": "0.15"})  # fmt: skip
        into("marts", "scored_installs", {**shared, "hour": "toHour(at)",
             "subpublisher": "concat(network, ' / ', site)", "country": "land", "os": "system",
             "carrier": "phone", "has_verdict": "is_found", "payout": "price",
             "payout_stated": "price", "payout_currency": "'USD'", "currency": "'USD'",
             "dispute_cost": "0.4", "review_cost": "0.15",
             "model_versions": str(versions), "scores": "said",
             "probabilities": "said"})  # fmt: skip
        for m, version in enumerate(versions):
            into("ml", "scores", {"run_id": f"'of-{version}'", "feature_set": "'fs_install'",
                 "subject": "'install'", "subject_id": "id", "subject_at": "at",
                 "target": "'is_fraud'", "model_version": f"'{version}'", "score": f"said[{m + 1}]",
                 "reason_features": "['install__click_to_begin_seconds',"
                 " 'device__click_publishers_1d']",
                 "reason_values": "[toString(round(ctit)), '4']",
                 "reason_contributions": "[0.5, 0.2]"})  # fmt: skip
        into("core", "labels", {"subject": "'install'", "subject_id": "id", "subject_at": "at",
             "event_date": day, "target": "'is_fraud'", "verdict_source": "'made'", "value": "1",
             "known_at": "at + toIntervalDay(3)"}, "is_found")  # fmt: skip
        warehouse.command(
            f"insert into {warehouse.table('marts', 'mart_publisher_daily')}"
            " (event_date, app_id, publisher, installs, scored_installs, flagged_installs,"
            " spend_at_risk) select event_date, app_id, publisher, count(), count(),"
            " countIf(is_flagged = 1), sumIf(payout, is_flagged = 1)"
            f" from {warehouse.table('marts', 'install_facts')}"
            " group by event_date, app_id, publisher"
        )


def measure() -> dict[str, float]:
    """Seconds of `make_payload` on the store that is named, and the payload's size."""
    from clickward.analysis.explorer.payload import make_payload
    from clickward.warehouse.connection import connection
    from clickward.warehouse.log import listening
    from clickward.warehouse.profile import find_project

    with connection(find_project(target="local")) as warehouse:
        steps: list[tuple[float, str]] = []
        began = time.monotonic()
        with listening(lambda text: steps.append((time.monotonic() - began, text))):
            payload = make_payload(warehouse)
        ready = time.monotonic() - began
        text = payload.to_json()
        told = time.monotonic() - began
    for seconds, what in steps:
        print(f"{seconds:6.2f} s {what}", file=sys.stderr)
    return {"seconds": round(ready, 2), "seconds_with_json": round(told, 2), "bytes": len(text),
            "scored": sum(one["n"] for one in payload.data["models"])}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="installs, such as 1000000")
    parser.add_argument("--days", type=int, default=28, help="days they fall on")
    parser.add_argument("--models", type=int, default=1, help="models that scored each")
    parser.add_argument("--runs", type=int, default=3, help="times it is measured")
    parser.add_argument("--store", help="keep the store in this folder, and use it again")
    parser.add_argument("--step", choices=["fill", "measure"], help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.step == "fill":
        fill(asked.rows, asked.days, asked.models)
        return
    if asked.step == "measure":
        print(json.dumps(measure()))
        return
    with tempfile.TemporaryDirectory() as folder:
        store = asked.store or f"{folder}/store"
        environment = os.environ | {"CLICKWARD_STORE": store, "CLICKWARD_SCHEMA": "bench",
                                    "DBT_TARGET_PATH": f"{folder}/target"}  # fmt: skip
        words = [str(HERE), "--rows", str(asked.rows), "--days", str(asked.days),
                 "--models", str(asked.models)]  # fmt: skip
        began = time.monotonic()
        if not Path(store).exists():
            if run_measured([*words, "--step", "fill"], environment, 1800) is None:
                raise SystemExit("the store was not filled after 1800 s")
            print(f"filled in {time.monotonic() - began:.0f} s", file=sys.stderr)
        runs, peaks = [], []
        for _ in range(asked.runs):
            outcome = run_measured([*words, "--step", "measure"], environment, 600)
            if outcome is None:
                raise SystemExit("no payload after 600 s")
            runs.append(json.loads(outcome.output))
            peaks.append(outcome.peak_gib)
    runs.sort(key=lambda run: run["seconds"])
    print(json.dumps({"name": "explorer", "rows": asked.rows, "models": asked.models,
                      **runs[len(runs) // 2], "slowest": runs[-1]["seconds"],
                      "peak_gib": round(max(peaks), 2)}))  # fmt: skip


if __name__ == "__main__":
    main()
