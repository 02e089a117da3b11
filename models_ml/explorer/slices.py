"""The slice finder: segments and pairs of them where a model errs more than it does overall."""

from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import binom, false_discovery_control

from models_ml.explorer.dimensions import DIMENSIONS, as_text, code, shown
from models_ml.explorer.scope import Scope, Version

MISSED, FALSE_ALARM = "missed", "false_alarm"
# Values of a dimension that are looked at, those with the most errors; with the rest as one more,
# a pair and four outcomes are a 16-bit number, which the engine counts in an array.
VALUES = 127
WIDTH = VALUES + 1
# Rows a slice needs: below that no share says anything.
LEAST_ROWS = 20
TOLD = 25
ALPHA = 0.05
# A row's outcome: 0 fraud passed, 1 fraud flagged, 2 honest passed, 3 honest flagged.
OUTCOMES = {MISSED: (0, 1), FALSE_ALARM: (3, 2)}
Slice = tuple[tuple[str, str | None], ...]


def find_slices(scope: Scope) -> list[dict[str, Any]]:
    """Slices of every model, kind and `TOLD`, the most significant first.

    Of kind `missed` n are the frauds, of `false_alarm` the honest rows, by the verdicts that stand
    on matured rows; rows not matured count nowhere. `p_value` is of the exact binomial test that
    so many of n err by the model's overall rate, one-sided; `p_adjusted` that of Benjamini and
    Hochberg over all slices of the model and kind with at least `LEAST_ROWS` rows. A pair is told
    only where it errs significantly more than either of its parts.
    """
    found = []
    for model in scope.models:
        if model.threshold is None:
            continue
        counted = count_slices(scope, model)
        for kind, (wrong, right) in OUTCOMES.items():
            found += ranked(counted, model.version, kind, wrong, right)
    return found


def count_slices(scope: Scope, model: Version) -> dict[Slice, np.ndarray]:
    """Rows by outcome, `(4,)`, of every segment, every pair, and of all rows under `()`."""
    values = _candidates(scope, model)
    names = list(DIMENSIONS)
    groups = [(name,) for name in names] + list(combinations(names, 2))
    cells = [f" * {WIDTH} + ".join(f"v_{name}" for name in group) for group in groups]
    keys = [f"toUInt16(({cell}) * 4 + outcome)" for cell in cells]
    listed = [f"k{place}" for place in range(len(keys))]
    counted = scope.warehouse.query(
        f"""
        select
            grouping({", ".join(listed)}) as missing, greatest({", ".join(listed)}) as key,
            count() as rows
        from (
            select {", ".join(f"{key} as k{place}" for place, key in enumerate(keys))}
            from (
                select {_outcome(scope, model)} as outcome,
                    {", ".join(f"{code(name, values[name], VALUES)} as v_{name}" for name in names)}
                from {scope.relation} where {scope.inside} and {_judged(scope, model)}
            )
        )
        group by grouping sets ({", ".join(f"({name})" for name in listed)})
        """
    )
    every = 2 ** len(keys) - 1
    parts = counted.partition_by("missing", as_dict=True)
    found: dict[Slice, np.ndarray] = {(): np.zeros(4, dtype=np.int64)}
    for place, group in enumerate(groups):
        part = parts.get((every - 2 ** (len(keys) - 1 - place),))
        if part is None:
            continue
        for key, rows in part.select("key", "rows").iter_rows():
            cell, outcome = divmod(key, 4)
            if place == 0:
                found[()][outcome] += rows
            places = divmod(cell, WIDTH) if len(group) == 2 else (cell,)
            if all(at < len(values[name]) for at, name in zip(places, group, strict=True)):
                where = tuple(
                    (name, values[name][at]) for at, name in zip(places, group, strict=True)
                )
                found.setdefault(where, np.zeros(4, dtype=np.int64))[outcome] += rows
    return found


def ranked(
    counted: dict[Slice, np.ndarray], version: str, kind: str, wrong: int, right: int
) -> list[dict[str, Any]]:
    """The slices of one kind, tested and corrected, as the payload tells them."""
    total = counted[()]
    population, all_errors = int(total[wrong] + total[right]), int(total[wrong])
    if not all_errors or all_errors == population:
        return []
    overall = all_errors / population
    errors = {where: int(rows[wrong]) for where, rows in counted.items() if where}
    n = {where: int(rows[wrong] + rows[right]) for where, rows in counted.items() if where}
    tested = [where for where in errors if LEAST_ROWS <= n[where] < population]
    if not tested:
        return []
    p = binom.sf([errors[w] - 1 for w in tested], [n[w] for w in tested], overall)
    adjusted = false_discovery_control(p, method="bh")
    table = pl.DataFrame(
        {"at": range(len(tested)), "p": p, "adjusted": adjusted,
         "excess": [errors[w] - n[w] * overall for w in tested]}
    ).filter(pl.col("excess") > 0).sort(["adjusted", "p", "excess", "at"],
                                        descending=[False, False, True, False])  # fmt: skip
    told: list[dict[str, Any]] = []
    for at, p_value, p_adjusted, _ in table.iter_rows():
        where = tested[at]
        if not _is_own(where, errors, n):
            continue
        rate = errors[where] / n[where]
        told.append(
            {
                "model": version, "kind": kind, "where": dict(where), "n": n[where],
                "errors": errors[where], "rate": rate, "overall": overall,
                "effect": rate - overall, "p_value": p_value, "p_adjusted": p_adjusted,
            }
        )  # fmt: skip
        if len(told) == TOLD:
            break
    return told


def _is_own(where: Slice, errors: dict[Slice, int], n: dict[Slice, int]) -> bool:
    """Whether a pair errs more than each of its parts does, by the same test; a segment always."""
    if len(where) == 1:
        return True
    for part in where:
        whole = (part,)
        rate = errors[whole] / n[whole]
        if rate >= 1 or binom.sf(errors[where] - 1, n[where], rate) > ALPHA:
            return False
    return True


def _outcome(scope: Scope, model: Version) -> str:
    return f"toUInt32(if({scope.state} = 0, 0, 2) + ({model.score} >= {model.threshold!r}))"


def _judged(scope: Scope, model: Version) -> str:
    return f"has(model_versions, '{model.version}') and {scope.state} != 2"


def _candidates(scope: Scope, model: Version) -> dict[str, list[str | None]]:
    """The values of each dimension among the model's errors, those with the most of them first."""
    names = list(DIMENSIONS)
    listed = [f"d_{name}" for name in names]
    counted = scope.warehouse.query(
        f"select grouping({', '.join(listed)}) as missing, {', '.join(listed)}, count() as rows"
        f" from (select {_outcome(scope, model)} as outcome,"
        f" {', '.join(f'toString({as_text(name)}) as d_{name}' for name in names)}"
        f" from {scope.relation} where {scope.inside} and {_judged(scope, model)}"
        " and outcome in (0, 3))"
        f" group by grouping sets ({', '.join(f'({name})' for name in listed)})"
    )
    every = 2 ** len(names) - 1
    found = {}
    for place, name in enumerate(names):
        own = counted.filter(pl.col("missing") == every - 2 ** (len(names) - 1 - place))
        top = own.sort(["rows", f"d_{name}"], descending=[True, False]).head(VALUES)
        found[name] = [shown(value) for value in top[f"d_{name}"]]
    return found
