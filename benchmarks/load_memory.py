"""Peak memory and speed of `clickward load` at several file sizes.

    python benchmarks/load_memory.py                     # TalkingData CSV of 0.5 and 2 GB
    python benchmarks/load_memory.py --kind appsflyer-csv --gigabytes 0.5
    python benchmarks/load_memory.py --kind appsflyer-parquet --gigabytes 0.2

Each file is loaded by a process of its own into a store of its own, in a temporary folder.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as parquet

from clickward.warehouse.profile import find_project
from clickward.warehouse.sources import Column, reports

BLOCK = 50_000
KINDS = ("talkingdata-csv", "appsflyer-csv", "appsflyer-parquet")
DEFAULT_COLUMNS = 81


def talkingdata_block(rng: np.random.Generator) -> pl.DataFrame:
    """Clicks as in the public files."""
    seconds = pl.Series(rng.integers(0, 4 * 86_400, BLOCK))
    return pl.DataFrame(
        {
            "ip": rng.integers(1, 400_000, BLOCK),
            "app": rng.integers(1, 700, BLOCK),
            "device": rng.integers(1, 4_000, BLOCK),
            "os": rng.integers(1, 800, BLOCK),
            "channel": rng.integers(1, 500, BLOCK),
            "click_time": _times(seconds),
            "attributed_time": [""] * BLOCK,
            "is_attributed": rng.integers(0, 2, BLOCK),
        }
    )


def appsflyer_block(rng: np.random.Generator, columns: list[Column]) -> pl.DataFrame:
    """Installs with the 81 default columns, half of them filled, about 1 KB a row."""
    seconds = pl.Series(rng.integers(0, 4 * 86_400, BLOCK))
    filled: dict[str, pl.Series] = {}
    for place, column in enumerate(columns):
        if column.format:
            filled[column.name] = _times(seconds)
        elif column.is_required or place % 2 == 0:
            codes = pl.Series(rng.integers(0, 10**6, BLOCK))
            filled[column.name] = pl.select(
                pl.format("{}-value-{}", pl.lit(column.name), codes)
            ).to_series()
        else:
            filled[column.name] = pl.repeat("", BLOCK, eager=True)
    return pl.DataFrame(filled)


def _times(seconds: pl.Series) -> pl.Series:
    return pl.from_epoch(seconds + 1_510_000_000).dt.strftime("%Y-%m-%d %H:%M:%S")


def make_file(kind: str, path: Path, size: int) -> int:
    """Write at least `size` bytes of data; returns the number of rows."""
    rng = np.random.default_rng(7)
    columns = list(reports(find_project(), "appsflyer")[1].columns.values())[:DEFAULT_COLUMNS]
    rows = 0
    writer: parquet.ParquetWriter | None = None
    with path.open("wb") as file:
        while file.tell() < size:
            is_clicks = kind.startswith("talkingdata")
            block = talkingdata_block(rng) if is_clicks else appsflyer_block(rng, columns)
            if kind.endswith("parquet"):
                table = block.to_arrow(compat_level=pl.CompatLevel.oldest())
                writer = writer or parquet.ParquetWriter(pa.PythonFile(file), table.schema)
                writer.write_table(table)
            else:
                block.write_csv(file, include_header=rows == 0)
            rows += BLOCK
        if writer is not None:
            writer.close()
    return rows


def load(kind: str, path: Path, store: Path) -> tuple[float, int]:
    """Seconds and peak resident bytes of a process that loads `path`."""
    source = kind.split("-")[0]
    words = [sys.executable, "-m", "clickward.cli.main", "load", source, str(path)]
    if source == "appsflyer":
        words += ["--report", "installs", "--timezone", "UTC"]
    started = time.monotonic()
    # The peak also counts this process as it was when it forked: it stays small by block-wise work.
    process = subprocess.Popen(
        words, env=os.environ | {"CLICKWARD_STORE": str(store)}, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the load of {path} failed")
    return time.monotonic() - started, usage.ru_maxrss * 1024


def main() -> None:
    """Print one line per size, and the ratio of the last peak to the first."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kind", choices=KINDS, default=KINDS[0])
    parser.add_argument("--gigabytes", type=float, nargs="+", default=[0.5, 2.0])
    options = parser.parse_args()
    peaks = []
    print(f"{options.kind}: GB, rows, seconds, rows/s, MB/s, peak MB")
    for gigabytes in options.gigabytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"installs.{options.kind.split('-')[1]}"
            rows = make_file(options.kind, path, int(gigabytes * 1e9))
            size = path.stat().st_size
            seconds, peak = load(options.kind, path, Path(folder) / "store")
        peaks.append(peak)
        print(
            f"{size / 1e9:.2f}  {rows:,}  {seconds:.1f}  {rows / seconds:,.0f}"
            f"  {size / 1e6 / seconds:.0f}  {peak / 1e6:,.0f}",
            flush=True,
        )
    if len(peaks) > 1:
        print(f"last peak / first peak = {peaks[-1] / peaks[0]:.2f}")


if __name__ == "__main__":
    main()
