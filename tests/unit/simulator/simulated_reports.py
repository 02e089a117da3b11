"""Reads a simulated world back, for the tests of the simulator."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from simulator import SimulationSummary

DAYS, CLICKS, SEED = 5, 60_000, 11


def moment(column: str) -> pl.Expr:
    """A report's text time as a date and time."""
    return pl.col(column).str.to_datetime("%Y-%m-%d %H:%M:%S%.3f", time_unit="ms")


@dataclass(frozen=True)
class Reports:
    """A written world."""

    out: Path
    summary: SimulationSummary

    def read(self, report: str) -> pl.DataFrame:
        """Every row of a report with its `dt` folder."""
        parts = []
        for path in sorted(self.out.glob(f"t={report}/dt=*/*.parquet")):
            dt = path.parent.name.removeprefix("dt=")
            parts.append(pl.read_parquet(path, hive_partitioning=False).with_columns(dt=pl.lit(dt)))
        return pl.concat(parts)

    def truth(self) -> pl.DataFrame:
        """The hidden truth."""
        return pl.read_parquet(self.out / "truth.parquet")

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
