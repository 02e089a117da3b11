"""Champion and challenger on the same subjects: where they agree, and where they do not."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from clickward.models_ml.scoring.run import SCORE, SHADOW
from clickward.models_ml.training.registry import CHALLENGER, CHAMPION, holder_of
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError


@dataclass(frozen=True)
class Agreement:
    """Counts of subjects both have scored, by who flags them.

    `rank_correlation` is Spearman's, None where a model gave one score to all. `top` are the
    subjects whose places in the two rankings lie furthest apart; a place is the share of
    subjects scored no higher.
    """

    champion: str
    challenger: str
    subjects: int
    both: int
    champion_only: int
    challenger_only: int
    none: int
    rank_correlation: float | None
    top: pl.DataFrame

    def facts(self) -> dict[str, Any]:
        """As one JSON object."""
        return vars(self) | {"top": self.top.to_dicts()}


def agreement(
    warehouse: Warehouse, feature_set: str, top: int = 10, champion: str | None = None,
    challenger: str | None = None,
) -> Agreement:  # fmt: skip
    """Compare the latest committed runs of the two on the subjects in both.

    Raises `UserError` where there is no challenger or one of them has not scored yet.
    """
    first = champion or holder_of(warehouse, feature_set, CHAMPION)
    second = challenger or holder_of(warehouse, feature_set, CHALLENGER)
    if first is None or second is None:
        missing = CHAMPION if first is None else CHALLENGER
        raise UserError(
            f"{feature_set} has no {missing}",
            f'name one: `clickward models promote VERSION --as {missing} --reason "…"`',
        )
    scores = _latest(warehouse, first, "champion").join(
        _latest(warehouse, second, "challenger"), on=["subject_id", "subject_at"]
    )
    if scores.is_empty():
        raise UserError(
            f"{first} and {second} have scored no subject both",
            f"run `clickward score {feature_set}`, which scores with both",
        )
    return compare(first, second, scores, top)


def compare(first: str, second: str, scores: pl.DataFrame, top: int) -> Agreement:
    """The comparison of `champion_score`, `challenger_score` and their flags, one row a subject.

    A flag that is null, for a target that flags nothing, counts as none.
    """
    names = (CHAMPION, CHALLENGER)
    ranked = scores.with_columns(
        (pl.col(f"{name}_score").rank("average") / scores.height).alias(f"{name}_place")
        for name in names
    )
    a, b = (pl.col(f"{name}_flagged").fill_null(0) == 1 for name in names)
    counts = scores.select(
        both=(a & b).sum(), first=(a & ~b).sum(), second=(~a & b).sum(), none=(~a & ~b).sum()
    ).row(0, named=True)
    places = [f"{name}_place" for name in names]
    is_flat = any(ranked[name].n_unique() == 1 for name in places)
    correlation = None if is_flat else float(ranked.select(pl.corr(*places)).item())
    apart = ranked.with_columns(apart=(pl.col(places[0]) - pl.col(places[1])).abs())
    shown = apart.sort(["apart", "subject_id"], descending=[True, False]).head(top)
    return Agreement(
        first, second, scores.height, counts["both"], counts["first"], counts["second"],
        counts["none"], correlation, shown,
    )  # fmt: skip


def _latest(warehouse: Warehouse, version: str, name: str) -> pl.DataFrame:
    """Scores and flags of a version's latest committed run."""
    runs, scores = warehouse.table("ml", "runs"), warehouse.table("ml", "scores")
    return warehouse.query(
        f"select toString(subject_id) as subject_id, subject_at, score as {name}_score,"
        f" is_flagged as {name}_flagged from {scores} where run_id = (select run_id from {runs}"
        f" where kind in ('{SCORE}', '{SHADOW}') and model_version = {{version:String}}"
        " order by committed_at desc, run_id limit 1)",
        version=version,
    )
