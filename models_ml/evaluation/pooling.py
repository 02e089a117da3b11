"""Test rows of several folds as one."""

from collections.abc import Iterable

import numpy as np
import polars as pl

from clickward.models_ml.evaluation.economics import Payoffs
from clickward.models_ml.evaluation.measurement import Labels, Rows, Scored


def pool(scored: Iterable[Scored]) -> Scored:
    """All folds of a model together: raw scores, and the flags each fold's threshold gave.

    A threshold missing in one fold is missing in all.
    """
    folds = list(scored)
    shared = [name for name in folds[0].flags if all(name in fold.flags for fold in folds)]
    flags = {name: np.concatenate([fold.flags[name] for fold in folds]) for name in shared}
    rows = [fold.rows for fold in folds if fold.rows is not None]
    return Scored(
        np.concatenate([fold.scores for fold in folds]),
        pool_labels([fold.labels for fold in folds]),
        flags,
        pool_rows(rows) if rows else None,
        folds[0].is_calibrated,
    )


def pool_labels(folds: list[Labels]) -> Labels:
    """The labels of several folds, one after the other."""
    attacks = [fold.attacks for fold in folds if fold.attacks is not None]
    named = [fold.named for fold in folds if fold.named is not None]
    unseen = [fold.unseen for fold in folds if fold.unseen is not None]
    return Labels(
        np.concatenate([fold.known for fold in folds]),
        np.concatenate([fold.matured for fold in folds]),
        pl.concat(attacks) if attacks else None,
        pl.concat(named) if named else None,
        np.concatenate(unseen) if unseen else None,
    )


def pool_rows(folds: list[Rows]) -> Rows:
    """The rows of several folds, one after the other."""
    payoffs = [fold.payoffs for fold in folds if fold.payoffs is not None]
    return Rows(
        np.concatenate([fold.blocks for fold in folds]),
        np.concatenate([fold.days for fold in folds]),
        {
            kind: np.concatenate([fold.entities[kind] for fold in folds])
            for kind in folds[0].entities
        },
        Payoffs.joined(payoffs) if payoffs else None,
    )
