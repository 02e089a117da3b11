"""Loads files in a process of its own, which may be told to die at its nth call of the engine.

    python load_child.py STOP HOW FILE...        HOW is kill or interrupt; STOP 0 never comes

Prints one JSON line at the start, what an earlier process had left, and one at the end, what is
in the store.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from clickward.cli.main import main
from clickward.warehouse import connection
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.loading import attempt, csv_stream
from clickward.warehouse.profile import find_project


class Fuse:
    """Ends the process at the nth call, so that a seed chooses the moment and not the clock."""

    def __init__(self, stop: int, how: str) -> None:
        self.stop = stop
        self.signal = signal.SIGKILL if how == "kill" else signal.SIGINT
        self.calls = 0
        self.first_insert = 0

    def burn(self, name: str) -> None:
        self.calls += 1
        if name == "insert_arrow" and not self.first_insert:
            self.first_insert = self.calls
        if self.calls == self.stop:
            os.kill(os.getpid(), self.signal)


def lit(call: Callable[..., Any], fuse: Fuse) -> Callable[..., Any]:
    """`call`, that may end the process right before it or right after it."""

    def burning(*arguments: Any, **named: Any) -> Any:
        fuse.burn(call.__name__)
        result = call(*arguments, **named)
        fuse.burn("")
        return result

    return burning


def content(warehouse: Warehouse) -> dict[str, Any]:
    """Everything raw holds but the time it was loaded at."""
    found: dict[str, Any] = {}
    for table in ("talkingdata__clicks", "rejected_lines", "loads"):
        if warehouse.has_table("raw", table):
            qualified = warehouse.table("raw", table)
            rows = warehouse.client.query(f"select * from {qualified}")
            dropped = {"_loaded_at", "started_at", "committed_at"}
            kept = [i for i, name in enumerate(rows.column_names) if name not in dropped]
            found[table] = sorted([str(row[i]) for i in kept] for row in rows.result_rows)
    return found


def uncommitted(warehouse: Warehouse) -> int:
    """Raw rows whose load does not stand in the ledger."""
    if not warehouse.has_table("raw", "talkingdata__clicks"):
        return 0
    return warehouse.scalar(
        f"select count() from {warehouse.table('raw', 'talkingdata__clicks')}"
        f" where _load_id not in (select load_id from {warehouse.table('raw', 'loads')})"
    )


def run(stop: int, how: str, files: list[str]) -> int:
    """Load `files` through the command line; returns its exit code."""
    project = find_project(target="local")
    with connection.connection(project) as warehouse:
        print(json.dumps({"left": uncommitted(warehouse)}), flush=True)
    # Many small inserts, so that there are many moments to die at.
    attempt.INSERT_ROWS = 100
    csv_stream.CHUNK = 2_000
    fuse = Fuse(stop, how)
    opened = connection.connect

    def connect(*arguments: Any) -> Warehouse:
        warehouse = opened(*arguments)
        warehouse.client.insert_arrow = lit(warehouse.client.insert_arrow, fuse)
        return warehouse

    connection.connect = connect
    Warehouse.command = lit(Warehouse.command, fuse)  # type: ignore[method-assign]
    Warehouse.insert = lit(Warehouse.insert, fuse)  # type: ignore[method-assign]
    Warehouse.scalar = lit(Warehouse.scalar, fuse)  # type: ignore[method-assign]
    sys.argv = ["clickward", "load", "talkingdata", *files, "--target", "local"]
    code = 0
    try:
        main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    moments = {"calls": fuse.calls, "first_insert": fuse.first_insert}
    fuse.stop = 0
    with connection.connection(project) as warehouse:
        print(json.dumps(content(warehouse) | {"moments": moments}), flush=True)
    return code


if __name__ == "__main__":
    sys.exit(run(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
