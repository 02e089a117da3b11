"""Ten readers and one writer at an engineer's door: `python benchmarks/door_soak.py --minutes 5`.

Opens a door on a store of its own. The writer inserts batches and notes each in a ledger, before
and after. Each reader sums the table, whole or its latest batches in a stream; its sum must be that
of the ledger up to some batch: not less than what was committed when it asked, not more than what
had begun when it was answered. Prints figures as JSON; ends with 1 where a sum was wrong, a query
failed, or memory grew by more than a tenth.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import clickhouse_connect
import psutil
import pyarrow as pa

from clickward.server.roles import Role
from clickward.server.users import Users

ROOT = Path(__file__).resolve().parents[1]
READERS = 10
ROWS = 2000
PAUSE = 0.2
STREAMED_BATCHES = 20
SAMPLE_SECONDS = 1.0
MOST_GROWTH = 1.1


@dataclass(frozen=True)
class Address:
    """Where a door listens, and a user it lets in."""

    host: str
    port: int
    user: str
    password: str

    def client(self) -> Any:
        return clickhouse_connect.get_client(
            host=self.host, port=self.port, username=self.user, password=self.password,
            autogenerate_session_id=False,
        )  # fmt: skip


@dataclass
class Ledger:
    """Sums of the table after each batch; of those, how many have begun and are committed."""

    sums: list[int] = field(default_factory=lambda: [0])
    committed: int = 0


@dataclass
class Result:
    """What a soak saw."""

    errors: list[str]
    batches: int
    reads: list[int]
    seconds: list[float]
    memory: list[tuple[float, int]]

    def memory_of(self, begin: float, end: float) -> float:
        """Median resident megabytes between two moments, in seconds from the start."""
        return statistics.median(size for at, size in self.memory if begin <= at <= end) / 2**20


def run(address: Address, door: int, seconds: float, database: str = "soak") -> Result:
    """Let readers and a writer at the door whose process is `door`, for so long."""
    table = f"{database}.events"
    ledger = Ledger()
    stop = threading.Event()
    errors: list[str] = []
    reads = [0] * READERS
    times: list[float] = []
    memory: list[tuple[float, int]] = []

    def guarded(work: Any, *arguments: Any) -> None:
        try:
            work(*arguments)
        except Exception as error:  # noqa: BLE001  whatever it is fails the soak
            errors.append(f"{type(error).__name__}: {error}")
            stop.set()

    def write() -> None:
        dice = random.Random(1)
        with address.client() as client:
            batch = 0
            while not stop.is_set():
                values = [dice.randrange(1 << 30) for _ in range(ROWS)]
                rows = pa.table({
                    "batch": pa.array([batch] * ROWS, pa.uint32()),
                    "value": pa.array(values, pa.uint64()),
                    "text": pa.array([f"row {value}" for value in values]),
                })  # fmt: skip
                ledger.sums.append(ledger.sums[-1] + sum(values))
                client.insert_arrow(table, rows)
                ledger.committed += 1
                batch += 1
                stop.wait(PAUSE)

    def read(number: int) -> None:
        with address.client() as client:
            while not stop.is_set():
                least = ledger.committed
                # A stream is of the latest batches: the work must not grow with the table.
                first = max(least - STREAMED_BATCHES, 0) if number % 3 == 0 else 0
                began = time.monotonic()
                if number % 3:
                    query = f"select sum(value), count() from {table}"
                    total, rows = client.query(query).first_row
                else:
                    total, rows = _streamed(
                        client, f"select value from {table} where batch >= {first} order by text"
                    )
                times.append(time.monotonic() - began)
                batches, rest = divmod(rows, ROWS)
                batches += first
                if rest or not least <= batches < len(ledger.sums):
                    raise AssertionError(f"{rows} rows with {least} batches committed")
                if total != ledger.sums[batches] - ledger.sums[first]:
                    raise AssertionError(f"{total} is not the sum of batches {first} to {batches}")
                reads[number] += 1

    def watch() -> None:
        began = time.monotonic()
        while not stop.is_set():
            memory.append((time.monotonic() - began, _resident(door)))
            stop.wait(SAMPLE_SECONDS)

    with address.client() as client:
        client.command(f"create database if not exists {database}")
        client.command(
            f"create table {table} (batch UInt32, value UInt64, text String)"
            " engine MergeTree order by (batch, value)"
        )
        threads = [
            threading.Thread(target=guarded, args=work)
            for work in ((write,), (watch,), *((read, n) for n in range(READERS)))
        ]
        for thread in threads:
            thread.start()
        stop.wait(seconds)
        stop.set()
        for thread in threads:
            thread.join()
        client.command(f"drop table {table} sync")
    return Result(errors, ledger.committed, reads, times, memory)


def _streamed(client: Any, query: str) -> tuple[int, int]:
    total = rows = 0
    with client.query_arrow_stream(query) as batches:
        for batch in batches:
            total += sum(batch.column("value").to_pylist())
            rows += batch.num_rows
    return total, rows


def _resident(door: int) -> int:
    """Bytes of the front and of every process behind it."""
    front = psutil.Process(door)
    return sum(process.memory_info().rss for process in (front, *front.children()))


@contextmanager
def opened(folder: Path) -> Iterator[tuple[Address, int]]:
    """An engineer's door on a store in `folder`."""
    shutil.copytree(ROOT / "profiles", folder / "profiles")
    Users(folder / ".clickward" / "users.json").add("soak", Role.ENGINEER, "soak-soak")
    process = subprocess.Popen(
        [
            sys.executable, "-m", "clickward.cli.main", "serve", "--role", "engineer",
            "--port", "0",
            "--profiles-dir", folder / "profiles", "--project-dir", ROOT / "dbt_project",
            "--target", "local",
        ],
        cwd=ROOT, text=True, stderr=subprocess.PIPE,
        env=os.environ | {"CLICKWARD_STORE": str(folder / "store")},
    )  # fmt: skip
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r"http://([^:]+):(\d+)", line)
        if found is None:
            raise SystemExit(f"the door did not open: {line}{process.stderr.read()}")
        yield Address(found.group(1), int(found.group(2)), "soak", "soak-soak"), process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    minutes = parser.parse_args().minutes
    seconds = minutes * 60
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as (address, door):
        result = run(address, door, seconds)
    minute = min(60, seconds / 2)
    first, last = result.memory_of(0, minute), result.memory_of(seconds - minute, seconds)
    print(
        json.dumps(
            {
                "errors": result.errors,
                "batches": result.batches,
                "rows": result.batches * ROWS,
                "reads": sum(result.reads),
                "fewest reads of a reader": min(result.reads),
                "median read seconds": round(statistics.median(result.seconds), 3),
                "resident MB, first minute": round(first),
                "resident MB, last minute": round(last),
                "last over first": round(last / first, 3),
            },
            indent=1,
        )
    )
    sys.exit(bool(result.errors) or last > MOST_GROWTH * first)


if __name__ == "__main__":
    main()
