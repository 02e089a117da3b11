"""The clicks that every engine reads: few heavy keys, many light ones, millisecond times."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

DAYS = 4
FIRST_MS = 1_767_225_600_000  # 2026-01-01
# Column -> how many values, and the exponent of Zipf's law over them.
COLUMNS = {
    "ip": (15_000, 0.75),
    "app": (700, 1.2),
    "device": (3_000, 2.0),
    "os": (800, 1.3),
    "channel": (200, 0.8),
}


def zipf(rng: np.random.Generator, rows: int, values: int, exponent: float) -> np.ndarray:
    """Numbers from 1 to `values`, k drawn in proportion to k ** -exponent."""
    weights = np.arange(1, values + 1, dtype=np.float64) ** -exponent
    edges = np.cumsum(weights / weights.sum())
    return np.minimum(np.searchsorted(edges, rng.random(rows)) + 1, values).astype(np.uint32)


def write_clicks(path: Path, rows: int, seed: int = 7) -> None:
    """Parquet of `rows` clicks in order of time: click_id, event_at, and the columns above."""
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, DAYS * 86_400_000, rows)) + FIRST_MS
    columns = {name: zipf(rng, rows, *shape) for name, shape in COLUMNS.items()}
    table = pa.table(
        {
            "click_id": np.arange(rows, dtype=np.uint32),
            "event_at": pa.array(times, pa.timestamp("ms", tz="UTC")),
            **columns,
        }
    )
    parquet.write_table(table, path, compression="zstd", row_group_size=1_000_000)
