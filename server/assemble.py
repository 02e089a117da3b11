"""Makes the store of a publication: `python -m clickward.server.assemble`, order on stdin.

A process of its own, since the publisher's process holds the store it copies from. Parts frozen
there are linked, not copied, and attached to new tables; nothing of them is read.
"""

import fcntl
import json
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any


def main() -> None:
    """Print `{"rows": {table: rows}, "system_tables": […]}`; end early when stdin does."""
    order = json.loads(sys.stdin.readline())
    # Held until this process ends: nobody removes the folder while something writes into it.
    with Path(order["lock"]).open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        threading.Thread(target=_end_with_stdin, daemon=True).start()
        print(json.dumps(assemble(order)))


def _end_with_stdin() -> None:
    """A killed publisher closes it. Unbuffered: a buffer's lock would be missed at the exit."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def assemble(order: dict[str, Any]) -> dict[str, Any]:
    """Make the store that `order` describes."""
    from clickward.server.engine import Engine

    engine = Engine(f"{order['store']}?config-file={order['config']}", {})
    handle = engine.handle()
    database = order["database"]
    handle.query(f"create database `{database}`")
    rows = {}
    for table in order["tables"]:
        handle.query(table["create"])
        name = f"`{database}`.`{table['name']}`"
        where = handle.query(
            "select data_paths[1] from system.tables"
            " where database = {database:String} and name = {name:String}",
            "TabSeparatedRaw",
            {"database": database, "name": table["name"]},
        )
        detached = Path(where.decode().rstrip("\n")) / "detached"
        for part in map(Path, table["parts"]):
            link(part, detached / part.name)
            handle.query(f"alter table {name} attach part '{part.name}'")
        rows[table["name"]] = int(handle.query(f"select count() from {name}"))
    tables: Any = handle.query("select name from system.tables where database = 'system'")
    return {"rows": rows, "system_tables": tables.decode().split()}


def link(part: Path, destination: Path) -> None:
    """A part under another name: its data linked, its descriptions copied.

    The engine never writes to the data of a part, but it may write a description anew.
    """
    for folder, _, files in os.walk(part):
        target = destination / Path(folder).relative_to(part)
        target.mkdir(parents=True, exist_ok=True)
        for file in files:
            source = Path(folder) / file
            if source.suffix == ".txt":
                shutil.copy2(source, target / file)
                continue
            try:
                os.link(source, target / file)
            except OSError:
                # Another file system, or one without links.
                shutil.copy2(source, target / file)


if __name__ == "__main__":
    main()
