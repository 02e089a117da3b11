"""Reads a simulated world back, for the tests of the simulator."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from clickward.simulator import Scenario, SimulationSummary, load_scenario
from clickward.simulator.reports.columns import REPORTS


def scenario(name: str = "demo", **changes: object) -> Scenario:
    """A built-in scenario with some fields changed."""
    found = load_scenario(name)
    assert isinstance(found, Scenario)
    return found.model_copy(update=changes)


def moment(column: str) -> pl.Expr:
    """A report's text time as a date and time."""
    return pl.col(column).str.to_datetime("%Y-%m-%d %H:%M:%S%.3f", time_unit="ms")


@dataclass(frozen=True)
class Reports:
    """A written world."""

    out: Path
    summary: SimulationSummary | None = None

    def read(self, report: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Every row of a report with its `dt` folder."""
        if not any(self.out.glob(f"t={report}/*/*.parquet")):
            return pl.DataFrame(
                schema=dict.fromkeys(columns or [*REPORTS[report], "dt"], pl.String)
            )
        files = pl.scan_parquet(
            self.out / f"t={report}" / "*" / "*.parquet",
            hive_partitioning=True,
            try_parse_hive_dates=False,
        )
        return (files.select(columns) if columns else files.drop("t")).collect()

    def truth(self) -> pl.DataFrame:
        """The hidden truth."""
        return pl.read_parquet(self.out / "truth.parquet")

    def hidden(self, table: str) -> pl.DataFrame:
        """Another hidden table."""
        return pl.read_parquet(self.out / "_world" / f"{table}.parquet")

    def labelled(self) -> pl.DataFrame:
        """Distinct installs, blocked ones too, with `kind` (attack, honest or organic) and CTIT."""
        installs = self.read("installs").unique("appsflyer_id", keep="first", maintain_order=True)
        blocked = self.read("blocked_installs").select(installs.columns)
        unattributed = pl.col("media_source") == "organic"
        known = self.truth().select("appsflyer_id", "attack", "actor")
        return (
            pl.concat([installs, blocked])
            .join(known, on="appsflyer_id", how="left", maintain_order="left")
            .with_columns(
                kind=pl.coalesce(
                    "attack",
                    pl.when(unattributed).then(pl.lit("organic")).otherwise(pl.lit("honest")),
                ),
                ctit=(
                    moment("install_time") - moment("attributed_touch_time")
                ).dt.total_milliseconds()
                / 1_000,
            )
        )
