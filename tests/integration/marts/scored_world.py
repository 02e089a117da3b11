"""The world that tests of what people act on share: its size, its prices, its copies.

With `CLICKWARD_WORLD_DAYS=60 CLICKWARD_WORLD_CLICKS=5000000`, test_decisions.py judges decisions on
the default world at its full size.
"""

import os
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from clickward.models_ml.dataset.reading import INSTANT
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.durations import utc_now
from clickward.warehouse.profile import Project
from clickward.warehouse.run_log import one_row

SCHEMA = "marts_world"
START = date(2026, 1, 1)
DAYS = int(os.environ.get("CLICKWARD_WORLD_DAYS", "21"))
CLICKS = int(os.environ.get("CLICKWARD_WORLD_CLICKS", "50000"))
# Half of the days teach, verdicts have four to come, and the rest is scored.
TRAIN_TO = (START + timedelta(days=DAYS // 2)).isoformat()
SCORE_FROM = (START + timedelta(days=DAYS // 2 + 4)).isoformat()
ECONOMICS = """app_id,network,valid_from,payout,currency,dispute_cost,review_cost
*,nusaads_int,2026-01-01,,USD,0.20,0.05
com.petsarpishop.app,*,2026-01-10,2.5,USD,0.10,0.10
com.petsarpishop.app,clickharbor_int,2026-01-16,3.25,USD,,0.08
"""


@dataclass(frozen=True)
class World:
    """Where the built world is, and the files it was made of."""

    project: Project
    files: Path
    champion: str
    challenger: str

    @property
    def truth(self) -> Path:
        return self.files / "truth.parquet"

    @property
    def economics(self) -> Path:
        return self.files.parent / "economics.csv"


def score_clicks(warehouse: Warehouse) -> None:
    """Scores of a conversion model on a tenth of the clicks, as a run would leave them."""
    warehouse.command(
        f"""
        insert into {warehouse.table("ml", "scores")}
            (run_id, feature_set, subject, subject_id, subject_at, target, model,
             model_version, score)
        select
            'of-clicks', 'fs_click', 'click', click_id, event_at, 'is_attributed', 'made', 'made-1',
            (cityHash64(click_id) % 1000) / 1000
        from {warehouse.table("core", "clicks")}
        where cityHash64(click_id) % 10 = 0
        """
    )
    run = {"run_id": "of-clicks", "kind": "score", "feature_set": "fs_click",
           "target": "is_attributed", "model_version": "made-1", "parameters": "{}", "rows": 0,
           "started_at": utc_now(), "committed_at": utc_now()}  # fmt: skip
    instants = dict.fromkeys(("started_at", "committed_at"), INSTANT)
    warehouse.insert(warehouse.table("ml", "runs"), one_row(run, rows=pl.UInt64, **instants))
