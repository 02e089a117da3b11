"""All checks of `clickward monitor` in order."""

from datetime import datetime

from clickward.analysis.monitoring.data_checks import check_drift, check_freshness, check_volume
from clickward.analysis.monitoring.findings import Finding
from clickward.analysis.monitoring.model_checks import check_quality, check_scores
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError

CHECKS = (check_freshness, check_volume, check_drift, check_scores, check_quality)
NEEDED = (
    "mart_arrival_lag_daily",
    "mart_feature_drift_daily",
    "mart_model_quality_daily",
    "production_runs",
    "fct_scored_installs_by_version",
)


def judge(warehouse: Warehouse, limits: dict[str, float], now: datetime) -> list[Finding]:
    """Every finding at the instant `now`. Raises `UserError` where the marts are not built."""
    for name in NEEDED:
        if not warehouse.has_table("marts", name):
            raise UserError(f"{name} is not built", "run `clickward build`")
    return [finding for check in CHECKS for finding in check(warehouse, limits, now)]
