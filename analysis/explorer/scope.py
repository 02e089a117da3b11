"""What the explorer looks at: which installs, which models and their thresholds, which days."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from clickward.analysis.explorer.dimensions import condition_of, quoted
from clickward.models_ml.evaluation.economics import one_currency, stated_currency
from clickward.models_ml.training.registry import list_models, list_thresholds
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import read_feature_set
from clickward.warehouse.errors import UsageError, UserError
from clickward.warehouse.yaml_text import read_yaml

IS_UNCONVERTED = "payout is null and payout_stated is not null"
TARGET, SUBJECT = "is_fraud", "install"
# Models looked at where none is named: the champion, the challenger, then the latest trained.
MOST_MODELS = 4
# More of them no page tells apart.
MOST_NAMED = 7
# For scans whose expressions never fail and cost little: to sort out which rows need each of them
# is then what costs most.
EAGER = "settings short_circuit_function_evaluation = 'disable'"


@dataclass(frozen=True)
class Version:
    """A model version: its family, its role, and its thresholds by name.

    `operating` names the threshold that scoring uses; None where the model has none.
    """

    version: str
    family: str
    role: str
    operating: str | None
    thresholds: dict[str, float]

    @property
    def threshold(self) -> float | None:
        """A score at or above it is flagged; None where nothing is."""
        return None if self.operating is None else self.thresholds[self.operating]

    def at(self, threshold: float) -> "Version":
        """The same version, flagging at another threshold."""
        return replace(self, operating="shown", thresholds=self.thresholds | {"shown": threshold})

    @property
    def score(self) -> str:
        """SQL of this version's score of a row of `scored_installs`; NULL where it has none."""
        place = f"indexOf(model_versions, {quoted(self.version)})"
        return f"if({place} = 0, null, scores[{place}])"


@dataclass(frozen=True)
class Scope:
    """Installs of `[date_from, date_to)` as `models` see them, with labels as known in the store.

    `mature_before` is the first day whose installs are not matured: the last verdict known came
    less than the label delay after it. None where no verdict is known at all. Amounts are in
    `currency`; of `priced` installs that state a payout, no rate converts that of `unconverted`.
    """

    warehouse: Warehouse
    feature_set: str
    models: list[Version]
    date_from: date
    date_to: date
    mature_before: date | None
    has_truth: bool
    currency: str
    priced: int
    unconverted: int

    @property
    def relation(self) -> str:
        return self.warehouse.table("marts", "scored_installs")

    @property
    def days(self) -> list[date]:
        span = (self.date_to - self.date_from).days
        return [self.date_from + timedelta(days=n) for n in range(span)]

    @property
    def inside(self) -> str:
        """SQL condition on `event_date`: the day is in the range."""
        return f"event_date >= '{self.date_from}' and event_date < '{self.date_to}'"

    @property
    def state(self) -> str:
        """SQL of the label state: 0 a verdict stands, 1 matured without, 2 not matured."""
        if self.mature_before is None:
            return "if(has_verdict = 1, 0, 2)"
        return f"multiIf(has_verdict = 1, 0, event_date < '{self.mature_before}', 1, 2)"

    @property
    def truth(self) -> str | None:
        """SQL of the hidden truth: 0 fraud, 1 honest; None where none is loaded."""
        if not self.has_truth:
            return None
        name = self.warehouse.table("marts", "install_truth")
        return f"if(install_id in (select install_id from {name}), 0, 1)"

    def where(self, filters: dict[str, Any] | None) -> str:
        """SQL condition of the range and of `filters`: dimension to value, list of values or None.

        Raises `UsageError` on a dimension that does not exist.
        """
        return " and ".join([self.inside, *condition_of(filters or {})])

    def model(self, version: str) -> Version:
        """The version named. Raises `UsageError` where it is not looked at."""
        found = next((one for one in self.models if one.version == version), None)
        if found is None:
            known = ", ".join(one.version for one in self.models)
            raise UsageError(f"no model {version!r} is looked at", f"choose among {known}")
        return found


def find_scope(
    warehouse: Warehouse,
    feature_set: str = "fs_install",
    models: Sequence[str] | None = None,
    date_from: date | None = None,
    date_to: date | None = None,
) -> Scope:
    """The installs scored in `[date_from, date_to)`; open ends are the first and last day scored.

    Raises `UserError` where nothing is scored, and `UsageError` on a model that is not known.
    """
    contract = read_feature_set(warehouse.project, feature_set)
    if (contract.subject, contract.target) != (SUBJECT, TARGET):
        raise UsageError(
            f"{feature_set} predicts {contract.target} of a {contract.subject}",
            f"the explorer looks at {TARGET} of installs: use fs_install",
        )
    if "currency" not in warehouse.columns("marts", "scored_installs"):
        raise UserError("scored_installs is not built", "run `clickward build`")
    versions = _versions(warehouse, feature_set, models)
    relation = warehouse.table("marts", "scored_installs")
    names = ", ".join(quoted(one.version) for one in versions)
    bounds = warehouse.query(
        "select min(event_date) as first, max(event_date) as last, count() as rows"
        f" from {relation} where hasAny(model_versions, [{names}])"
    ).row(0, named=True)
    if not bounds["rows"]:
        raise UserError(
            f"no install is scored by {', '.join(one.version for one in versions)}",
            f"run `clickward score {feature_set}`",
        )
    begin, end = date_from or bounds["first"], date_to or bounds["last"] + timedelta(days=1)
    if begin >= end:
        raise UsageError(
            f"no day from {begin} to {end}, which is excluded",
            f"installs are scored from {bounds['first']} to {bounds['last']}",
        )
    truth = warehouse.has_table("marts", "install_truth") and bool(
        warehouse.scalar(f"select count() from {warehouse.table('ml', 'truth')}")
    )
    money = warehouse.query(
        f"select toString(currency) as currency, count(payout_stated) as priced,"
        f" countIf({IS_UNCONVERTED}) as unconverted from {relation}"
        " where event_date >= {begin:Date} and event_date < {end:Date} group by currency",
        begin=begin,
        end=end,
    )
    return Scope(
        warehouse, feature_set, versions, begin, end, _mature_before(warehouse), truth,
        one_currency(money["currency"]) or stated_currency(warehouse),
        int(money["priced"].sum()), int(money["unconverted"].sum()),
    )  # fmt: skip


def _versions(
    warehouse: Warehouse, feature_set: str, wanted: Sequence[str] | None
) -> list[Version]:
    """Those wanted, in that order; else of the scored ones champion, challenger and the latest."""
    known = list_models(warehouse, feature_set)
    thresholds = list_thresholds(warehouse).filter("is_current")
    found = {}
    for row in known.iter_rows(named=True):
        own = thresholds.filter(pl.col("model_version") == row["model_version"]).sort("name")
        found[row["model_version"]] = Version(
            row["model_version"],
            row["model"],
            row["role"],
            row["threshold_name"],
            dict(own.select("name", "threshold").iter_rows()),
        )
    if wanted:
        missing = [version for version in wanted if version not in found]
        if missing:
            raise UsageError(
                f"no model version {missing[0]!r} of {feature_set}", "see `clickward models list`"
            )
        if len(wanted) > MOST_NAMED:
            raise UsageError(f"{len(wanted)} models at once", f"name at most {MOST_NAMED}")
        return [found[version] for version in dict.fromkeys(wanted)]
    scored = warehouse.query(
        "select distinct toString(arrayJoin(model_versions)) as version"
        f" from {warehouse.table('marts', 'scored_installs')}"
    )["version"].to_list()
    # Without a champion the latest trained speaks, not the challenger.
    has_champion = any(one.role == "champion" for one in found.values())
    roles = ["champion", "challenger", ""] if has_champion else ["", "challenger"]
    ranked = sorted((found[v] for v in found if v in scored), key=lambda one: roles.index(one.role))
    if not ranked:
        raise UserError(
            f"no install is scored by a model of {feature_set}",
            f"run `clickward score {feature_set}`",
        )
    return ranked[:MOST_MODELS]


def _mature_before(warehouse: Warehouse) -> date | None:
    """The first day whose installs had not the whole label delay when the last verdict came."""
    known: datetime | None = warehouse.scalar(
        "select maxOrNull(known_at) from"
        f" {warehouse.table('core', 'labels')} where subject = '{SUBJECT}' and target = '{TARGET}'"
    )
    if known is None:
        return None
    return known.date() - timedelta(days=matured_days(warehouse))


def matured_days(warehouse: Warehouse) -> int:
    """Days after an install from which a verdict on it is matured, as the dbt project states."""
    stated = read_yaml(warehouse.project.project_dir / "dbt_project.yml")
    return int(stated["vars"]["matured_days"])
