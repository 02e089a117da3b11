"""Damaged files, some hundreds: each is one line, none shows a traceback or keeps others out."""

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest
from bad_files import zstd
from pyarrow import parquet

CHECKOUT = Path(__file__).parents[3]
COUNT = 200
PIECES = [b'"', b",", b"\n", b"\r", b"\x00", b"\xff", b"\xf0\x9f\x92", b'""', b"", b"9" * 70_000]


def tables() -> list[pa.Table]:
    """Files of several types, as many kinds of pages as there are."""
    plain = {
        "install_time": [f"2026-01-02 03:{n:02d}:05" for n in range(60)],
        "appsflyer_id": [str(n) for n in range(60)],
        "app_id": ["com.game"] * 60,
        "city": ["Köln", "", "x"] * 20,
    }
    typed = plain | {
        "install_time": [datetime(2026, 1, 2, 3, n) for n in range(60)],
        "imei": [float(n) for n in range(60)],
        "fraud_reasons": [["a", "b"], None, []] * 20,
        "ip": pa.array(["1.2.3.4"] * 60).dictionary_encode(),
    }
    return [pa.table(plain), pa.table(typed)]


def originals(folder: Path) -> dict[str, bytes]:
    """Content of whole files by the ending of their names."""
    made = {}
    for place, table in enumerate(tables()):
        for compression in ("none", "snappy", "zstd"):
            path = folder / "made"
            options = {"data_page_version": "2.0"} if compression == "zstd" else {}
            parquet.write_table(table, path, compression=compression, row_group_size=25, **options)
            made[f"{place}{compression}.parquet"] = path.read_bytes()
            path.unlink()
    columns = tables()[0].to_pydict()
    lines = [",".join(columns), *(",".join(row) for row in zip(*columns.values(), strict=True))]
    text = "\n".join(lines).encode() + b"\n"
    return made | {".csv": text, ".csv.gz": gzip.compress(text), ".csv.zst": zstd(text)}


def damaged(content: bytes, rng: random.Random) -> bytes:
    """The content with some bytes changed, cut out, doubled, or cut off."""
    for _ in range(rng.choice([1, 1, 2, 5])):
        place = rng.randrange(max(len(content), 1))
        # The footer of Parquet is where most can go wrong.
        if rng.random() < 0.4:
            place = max(len(content) - rng.randrange(1, 400), 0)
        length = rng.choice([1, 1, 1, 2, 4, 30])
        how = rng.randrange(5)
        if how == 0:
            content = content[:place] + rng.randbytes(length) + content[place + length :]
        elif how == 1:
            content = content[:place] + content[place + length :]
        elif how == 2:
            content = content[:place] + content[place : place + length] * 2 + content[place:]
        elif how == 3:
            content = content[:place] + rng.choice(PIECES) + content[place:]
        elif rng.random() < 0.3:
            content = content[:place]
    return content


@pytest.mark.parametrize(
    "seed", [pytest.param(n, marks=() if n == 1 else pytest.mark.full) for n in range(1, 5)]
)
def test_damaged_files_are_lines(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    (tmp_path / "in").mkdir()
    whole = originals(tmp_path)
    good = set()
    for number in range(COUNT):
        ending = rng.choice(sorted(whole))
        is_good = number % 20 == 19
        name = f"in/{number:03d}_{'good_' * is_good}installs_{ending}"
        content = damaged(whole[ending], rng)
        if is_good:
            # Another file than all before, so that its rows are its own.
            rows = [f"2026-01-02 03:04:05,good {number} {n},com.game\n" for n in range(5)]
            name = name.removesuffix(ending) + ".csv"
            content = ("install_time,appsflyer_id,app_id\n" + "".join(rows)).encode()
            good.add(name)
        (tmp_path / name).write_bytes(content)
    words = ["load", "appsflyer", "in", "--timezone=UTC", "--max-rejected=1", "--json"]
    child = subprocess.run(
        [sys.executable, "-m", "clickward.cli.main", *words, "--target=local"],
        cwd=tmp_path,
        env=os.environ
        | {
            "CLICKWARD_STORE": str(tmp_path / "store"),
            "DBT_PROJECT_DIR": str(CHECKOUT / "dbt_project"),
            "DBT_PROFILES_DIR": str(shutil.copytree(CHECKOUT / "profiles", tmp_path / "profiles")),
        },
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert child.returncode == 1, child.stderr
    assert "Traceback" not in child.stderr
    found = {row["file"]: row for row in json.loads(child.stdout)}
    assert len(found) == COUNT
    assert {name: (found[name]["status"], found[name]["loaded"]) for name in good} == dict.fromkeys(
        good, ("loaded", 5)
    )
    failed = [row for row in found.values() if row["status"] == "failed"]
    # Most is damaged for good, and each says so in a line of its own.
    assert len(failed) > COUNT // 4
    for row in failed:
        assert row["note"]
        assert (row["loaded"], row["rejected_at_load"]) == (0, 0)
    for row in found.values():
        assert row["rows_read"] == row["loaded"] + row["rejected_at_load"]
