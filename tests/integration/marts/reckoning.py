"""What every mart should hold, computed from core tables, ledgers and files without its SQL."""

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.profile import find_project
from tests.oracles.facts import (
    Row,
    frauds,
    install_facts,
    read_prices,
    scores_in_force,
)

SEED = find_project(target="local").project_dir / "seeds" / "app_economics.csv"


def rows_of(warehouse: Warehouse, stage: str, name: str, where: str = "true") -> list[Row]:
    """Rows of a table as dictionaries, ids as text."""
    table = warehouse.table(stage, name)
    ids = warehouse.client.query(
        "select name from system.columns where database = {database:String}"
        " and table = {table:String} and type like '%UUID%'",
        parameters={"database": table.split(".")[0], "table": name},
    ).result_rows
    texts = "".join(f"replace(toString({one}) as {one}) " for (one,) in ids)
    return warehouse.query(f"select * {texts} from {table} where {where}").to_dicts()


@dataclass
class Reckoning:
    """The inputs of the marts, and each install's facts."""

    warehouse: Warehouse
    economics: Path
    truth_file: Path

    @cached_property
    def installs(self) -> list[Row]:
        return rows_of(self.warehouse, "core", "installs")

    @cached_property
    def labels(self) -> list[Row]:
        return rows_of(self.warehouse, "core", "labels", "target = 'is_fraud'")

    @cached_property
    def events(self) -> list[Row]:
        return rows_of(self.warehouse, "core", "app_events")

    @cached_property
    def scores(self) -> list[Row]:
        return rows_of(self.warehouse, "ml", "scores")

    @cached_property
    def runs(self) -> list[Row]:
        return rows_of(self.warehouse, "ml", "runs")

    @cached_property
    def in_force(self) -> dict[str, Row]:
        promotions = rows_of(self.warehouse, "ml", "promotions")
        return scores_in_force(self.scores, self.runs, promotions)

    @cached_property
    def truth(self) -> dict[str, str]:
        """Attack by install, from the simulator's own file, found by app and time.

        Which of an app's installs of the same millisecond is meant, the store says.
        """
        by_time: dict[tuple[str, Any], list[str]] = defaultdict(list)
        for row in self.installs:
            by_time[row["app_id"], row["event_at"]].append(row["install_id"])
        shared = [ids for ids in by_time.values() if len(ids) > 1]
        assert len(shared) <= len(self.installs) / 1000
        named = {row["install_id"] for row in rows_of(self.warehouse, "marts", "install_truth")}
        found = {}
        hidden = pl.read_parquet(self.truth_file).with_columns(
            at=pl.col("install_time").str.to_datetime("%Y-%m-%d %H:%M:%S%.3f", time_unit="ms")
        )
        for row in hidden.to_dicts():
            ids = by_time[row["app_id"], row["at"]]
            for one in ids if len(ids) == 1 else named.intersection(ids):
                found[one] = row["attack"]
        assert len(found) > 0.95 * hidden.height
        return found

    @cached_property
    def facts(self) -> list[Row]:
        return install_facts(
            self.installs,
            self.events,
            frauds(self.labels),
            self.in_force,
            read_prices(SEED, self.economics),
        )

    @cached_property
    def clicks(self) -> list[Row]:
        """Counts of clicks by day, app, publisher and sub-publisher."""
        clicks = self.warehouse.query(
            "select toString(click_id) as subject_id, event_date, app_id, publisher, subpublisher,"
            f" duplicate_count from {self.warehouse.table('core', 'clicks')}"
        )
        scores = pl.DataFrame(
            [(subject, row["score"]) for subject, row in self.in_force.items()],
            schema={"subject_id": pl.String, "score": pl.Float64},
            orient="row",
        )
        counted = (
            clicks.join(scores, on="subject_id", how="left")
            .with_columns(pl.col("subpublisher").fill_null(""))
            .group_by("event_date", "app_id", "publisher", "subpublisher")
            .agg(
                clicks=pl.len(),
                duplicate_clicks=pl.col("duplicate_count").sum(),
                scored_clicks=pl.col("score").count(),
                sum_of_scores=pl.col("score").sum(),
            )
        )
        return [row | {"conversions": 0} for row in counted.to_dicts()]

    @cached_property
    def current(self) -> list[Row]:
        """The latest committed score of each subject and model version."""
        committed = {r["run_id"]: r["committed_at"] for r in self.runs if r["kind"] == "score"}
        latest: dict[tuple[str, str], Row] = {}
        for row in self.scores:
            if row["run_id"] in committed and row["target"] == "is_fraud":
                key = (row["subject_id"], row["model_version"])
                kept = latest.setdefault(key, row)
                if committed[row["run_id"]] > committed[kept["run_id"]]:
                    latest[key] = row
        return [row | {"event_date": row["subject_at"].date()} for row in latest.values()]

    def provisional(self, days: int) -> set[str]:
        until = {r["install_id"]: r["event_at"] + timedelta(days=days) for r in self.installs}
        return frauds(self.labels, until)


def differences(found: list[Row], expected: list[Row], keys: list[str]) -> list[str]:
    """Every cell of `expected` that `found` does not hold, and every key one of them lacks."""
    there = {tuple(row[key] for key in keys): row for row in found}
    wanted = {tuple(row[key] for key in keys): row for row in expected}
    assert len(wanted) == len(expected)
    said = [f"twice: {len(found) - len(there)} key(s)"] if len(found) != len(there) else []
    said += [f"missing: {key}" for key in wanted.keys() - there.keys()]
    said += [f"not expected: {key}" for key in there.keys() - wanted.keys()]
    for key in wanted.keys() & there.keys():
        for column, value in wanted[key].items():
            if not _same(there[key][column], value):
                said.append(f"{column} of {key}: {there[key][column]}, expected {value}")
    return sorted(said)


def _same(found: Any, expected: Any) -> bool:
    if isinstance(expected, float) or isinstance(found, float):
        if found is None or expected is None:
            return found is expected
        return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)
    return bool(found == expected)
