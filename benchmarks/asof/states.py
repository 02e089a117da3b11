"""What every engine joins: states that change over time, and the instants they are asked for."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

from benchmarks.windows.clicks import zipf

DAYS = 30
FIRST_MS = 1_767_225_600_000  # 2026-01-01
# A key has about a hundred states, if all have as many.
STATES_PER_KEY = 100
ZIPF_EXPONENT = 1.2
VALUES = ["clicks", "installs", "ctit_under_10s_share", "seconds_since_click"]


def write_case(folder: Path, entities: int, states: int, keys: str, seed: int = 11) -> None:
    """`entities.parquet` and `states.parquet`; `keys` is uniform or zipf.

    entities: row_id, key, event_timestamp; states: key, event_timestamp and `VALUES`. Times are
    in order, no two of one file are equal, and none of one file is in the other: whether a
    state at the very instant counts, on which engines differ, makes no difference.
    """
    rng = np.random.default_rng(seed)
    count = states // STATES_PER_KEY
    for name, rows, odd in (("states", states, 0), ("entities", entities, 1)):
        step = DAYS * 86_400_000 // rows
        offsets = np.arange(rows) * step + rng.integers(0, step // 2, rows) * 2
        times = FIRST_MS + offsets // 2 * 2 + odd
        if keys == "uniform":
            drawn = rng.integers(1, count + 1, rows)
        else:
            drawn = zipf(rng, rows, count, ZIPF_EXPONENT).astype(np.int64)
        columns = {
            "key": drawn,
            "event_timestamp": pa.array(times, pa.timestamp("ms", tz="UTC")),
        }
        if name == "entities":
            columns = {"row_id": np.arange(rows)} | columns
        else:
            columns |= {
                "clicks": rng.integers(0, 1_000, rows),
                "installs": rng.integers(0, 50, rows),
                "ctit_under_10s_share": rng.random(rows),
                "seconds_since_click": rng.exponential(300, rows),
            }
        parquet.write_table(pa.table(columns), folder / f"{name}.parquet", row_group_size=1_000_000)
