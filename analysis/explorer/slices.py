"""The slice finder: segments and pairs of them where a model errs more than it does overall."""

from itertools import combinations
from typing import Any

import polars as pl
from scipy.stats import binom, false_discovery_control

from clickward.analysis.explorer.dimensions import DIMENSIONS, as_text, code, shown
from clickward.analysis.explorer.scope import EAGER, Scope, Version

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
Values = dict[str, list[str | None]]
KEYS = ("first", "first_value", "second", "second_value")
SCHEMA: dict[str, Any] = dict.fromkeys(KEYS, pl.String) | {f"o{one}": pl.Int64 for one in range(4)}


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


def count_slices(scope: Scope, model: Version) -> pl.DataFrame:
    """Rows by outcome of every segment and every pair, from one scan.

    Columns: `first`, `first_value`, `second`, `second_value` (both None for a segment), and
    `o0` to `o3`, the rows of each outcome. A value is None where it is unknown.
    """
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
        {EAGER}
        """
    )
    every = 2 ** len(keys) - 1
    parts = counted.partition_by("missing", as_dict=True)
    found = [
        _named(part, group, values)
        for place, group in enumerate(groups)
        if (part := parts.get((every - 2 ** (len(keys) - 1 - place),))) is not None
    ]
    return pl.concat(found) if found else pl.DataFrame(schema=SCHEMA)


def _named(part: pl.DataFrame, group: tuple[str, ...], values: Values) -> pl.DataFrame:
    """One grouping set's cells with their values, a column for each outcome; the rest left out."""
    cell, outcome = pl.col("key") // 4, pl.col("key") % 4
    pair = len(group) == 2
    tables = [
        pl.DataFrame(
            {f"c{n}": range(len(values[name])), label: values[name]},
            schema={f"c{n}": pl.UInt16, label: pl.String},
        )
        for n, (name, label) in enumerate(zip(group, ("first_value", "second_value"), strict=False))
    ]
    wide = part.group_by(
        c0=(cell // WIDTH if pair else cell).cast(pl.UInt16), c1=(cell % WIDTH).cast(pl.UInt16)
    ).agg(
        pl.col("rows").filter(outcome == one).sum().cast(pl.Int64).alias(f"o{one}")
        for one in range(4)
    )
    for n, table in enumerate(tables):
        wide = wide.join(table, on=f"c{n}")
    second = group[1] if pair else None
    return wide.with_columns(
        pl.lit(group[0]).alias("first"),
        pl.lit(second, dtype=pl.String).alias("second"),
        *([] if pair else [pl.lit(None, dtype=pl.String).alias("second_value")]),
    ).select(list(SCHEMA))


def ranked(
    counted: pl.DataFrame, version: str, kind: str, wrong: int, right: int
) -> list[dict[str, Any]]:
    """The slices of one kind, tested and corrected, as the payload tells them."""
    whole = counted.filter(pl.col("first") == "hour", pl.col("second").is_null())
    all_errors = int(whole[f"o{wrong}"].sum())
    population = all_errors + int(whole[f"o{right}"].sum())
    if not all_errors or all_errors == population:
        return []
    overall = all_errors / population
    sliced = counted.with_columns(
        errors=pl.col(f"o{wrong}"), n=pl.col(f"o{wrong}") + pl.col(f"o{right}")
    ).with_columns(rate=pl.col("errors") / pl.col("n"))
    tested = sliced.filter(pl.col("n").is_between(LEAST_ROWS, population - 1)).sort(KEYS)
    if tested.is_empty():
        return []
    p = binom.sf(tested["errors"].to_numpy() - 1, tested["n"].to_numpy(), overall)
    tested = tested.with_columns(
        p_value=pl.Series(p), p_adjusted=pl.Series(false_discovery_control(p, method="bh"))
    ).filter(pl.col("rate") > overall)
    best = _own(tested, sliced).sort(
        ["p_adjusted", "p_value", pl.col("errors") - pl.col("n") * overall, *KEYS],
        descending=[False, False, True, *[False] * 4],
    )
    return [
        {
            "model": version, "kind": kind, "where": _where(row), "n": row["n"],
            "errors": row["errors"], "rate": row["rate"], "overall": overall,
            "effect": row["rate"] - overall,
            "p_value": row["p_value"], "p_adjusted": row["p_adjusted"],
        }
        for row in best.head(TOLD).iter_rows(named=True)
    ]  # fmt: skip


def _own(tested: pl.DataFrame, sliced: pl.DataFrame) -> pl.DataFrame:
    """Segments, and the pairs that err more than each of their parts does, by the same test."""
    single = sliced.filter(pl.col("second").is_null())
    pairs = tested.filter(pl.col("second").is_not_null())
    for part in ("first", "second"):
        rates = single.select(
            pl.col("first").alias(part),
            pl.col("first_value").alias(f"{part}_value"),
            pl.col("rate").alias(f"{part}_rate"),
        )
        pairs = pairs.join(rates, on=[part, f"{part}_value"], how="left", nulls_equal=True)
        p = binom.sf(
            pairs["errors"].to_numpy() - 1, pairs["n"].to_numpy(), pairs[f"{part}_rate"].to_numpy()
        )
        pairs = pairs.filter(pl.Series(p) <= ALPHA).drop(f"{part}_rate")
    return pl.concat([tested.filter(pl.col("second").is_null()), pairs])


def _where(row: dict[str, Any]) -> dict[str, str | None]:
    where = {row["first"]: row["first_value"]}
    return where if row["second"] is None else where | {row["second"]: row["second_value"]}


def _outcome(scope: Scope, model: Version) -> str:
    return f"toUInt32(if({scope.state} = 0, 0, 2) + ({model.score} >= {model.threshold!r}))"


def _judged(scope: Scope, model: Version) -> str:
    return f"has(model_versions, '{model.version}') and {scope.state} != 2"


def _candidates(scope: Scope, model: Version) -> Values:
    """The values of each dimension, those with the most of the model's errors first.

    Those without any too: each is a slice that was looked at, and rows a rate is over.
    """
    names = list(DIMENSIONS)
    listed = [f"d_{name}" for name in names]
    counted = scope.warehouse.query(
        f"select grouping({', '.join(listed)}) as missing, {', '.join(listed)},"
        " countIf(outcome in (0, 3)) as errors"
        f" from (select {_outcome(scope, model)} as outcome,"
        f" {', '.join(f'toString({as_text(name)}) as d_{name}' for name in names)}"
        f" from {scope.relation} where {scope.inside} and {_judged(scope, model)})"
        f" group by grouping sets ({', '.join(f'({name})' for name in listed)}) {EAGER}"
    )
    every = 2 ** len(names) - 1
    found = {}
    for place, name in enumerate(names):
        own = counted.filter(pl.col("missing") == every - 2 ** (len(names) - 1 - place))
        top = own.sort(["errors", f"d_{name}"], descending=[True, False]).head(VALUES)
        found[name] = [shown(value) for value in top[f"d_{name}"]]
    return found
