"""Fewer cells where there are too many: score bins joined, never across a threshold."""

import polars as pl

from clickward.analysis.explorer.edges import Edges

# Cells of all versions and dimensions together: at some 20 bytes of JSON each, five megabytes.
BUDGET = 240_000
# A dimension's bins by how far they are joined. The rows that any threshold would flag are few, so
# the highest scores stay apart longest.
LEVELS: tuple[tuple[int, ...], ...] = (
    tuple(range(100)),
    (*range(0, 70, 5), *range(70, 100)),
    (*range(0, 80, 10), *range(80, 100)),
    (0, 30, 60, 70, 80, 85, *range(90, 100)),
    (0, 50, 80, 90, 95, 98),
    (0,),
)
# Columns of cells that are summed where bins are joined; all others tell cells apart.
SUMS = ("count", "spend", "unconverted")
Key = tuple[str, str]
# Cells that one scan may count before they are joined further: what the engine groups and hands
# over is then small whatever the rows.
SCANNED = 600_000


def plan(
    sizes: dict[Key, int], rows: dict[str, int], edges: dict[str, Edges], budget: int = SCANNED
) -> dict[Key, int]:
    """Levels at which a scan surely counts no more than `budget` cells, the widest joined first.

    `sizes` are a bin's most cells by version and dimension, `rows` those scored by each version.
    """
    level = dict.fromkeys(sizes, 0)

    def cells(key: Key) -> int:
        return min(rows[key[0]], sizes[key] * len(begins(edges[key[0]], level[key])))

    while sum(map(cells, sizes)) > budget:
        open_ = [key for key in sizes if key[1] != "all" and level[key] < len(LEVELS) - 2]
        if not open_:
            break
        level[max(open_, key=cells)] += 1
    return level


def fit(
    frames: dict[Key, pl.DataFrame],
    edges: dict[str, Edges],
    levels: dict[Key, int] | None = None,
    budget: int = BUDGET,
) -> tuple[dict[Key, pl.DataFrame], dict[Key, list[int]]]:
    """Frames whose cells together are within `budget`, and the bins that begin a group in each.

    `frames` are by version and dimension, with `bin` among their columns, counted at `levels`. A
    joined cell stands at the first bin of its group, so that counts are exact at every edge that
    begins a group; a version's thresholds do. The frame with the most cells is joined first; `all`
    never is.
    """
    level = dict(levels) if levels else dict.fromkeys(frames, 0)
    fitted = dict(frames)
    while sum(frame.height for frame in fitted.values()) > budget:
        open_ = [key for key in frames if key[1] != "all" and level[key] < len(LEVELS) - 1]
        if not open_:
            break
        widest = max(open_, key=lambda key: fitted[key].height)
        level[widest] += 1
        fitted[widest] = joined(fitted[widest], begins(edges[widest[0]], level[widest]))
    return fitted, {key: begins(edges[key[0]], level[key]) for key in frames}


def joined(frame: pl.DataFrame, begins: list[int]) -> pl.DataFrame:
    """The frame with bins joined into groups that begin at `begins`, counts and money summed."""
    groups = pl.DataFrame({"bin": pl.Series(begins, dtype=pl.UInt16)}).with_columns(group="bin")
    sums = [name for name in frame.columns if name in SUMS]
    keys = [name for name in frame.columns if name not in sums]
    ordered = frame.sort("bin").join_asof(groups, on="bin").drop("bin").rename({"group": "bin"})
    return ordered.group_by(keys).agg(pl.col(sums).sum()).select(frame.columns).sort(keys)


def begins(edges: Edges, level: int) -> list[int]:
    """The bins that begin a group at a level: every one at the first, the marked ones at each."""
    if level == 0:
        return list(range(max(edges.bins, 1)))
    return sorted({0, *edges.marked, *(b for b in LEVELS[level] if b < edges.bins)})
