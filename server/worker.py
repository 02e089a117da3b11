"""The process that holds a store: `python -m clickward.server.worker`.

It is started by the front and talks with it in JSON lines: options on stdin, `{"ready": …}` on
stdout, an answer to each `{"wake": …}`, then a store to open, and the engine's version. When stdin
ends it ends.
"""

import json
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import clickward
from clickward.server.errors import EngineError
from clickward.server.frames import Disconnected
from clickward.server.options import Options
from clickward.server.publication import hold
from clickward.server.roles import DESCRIPTORS, SCRATCH_FILE, STORE_FILE
from clickward.server.sandbox import confine

# Libraries, and what the engine reads to learn of memory and cores; nothing of the machine's own.
SYSTEM = (
    "/usr", "/lib", "/lib64", "/etc/localtime", "/etc/ld.so.cache",
    "/dev/null", "/dev/random", "/dev/urandom",
    "/sys/fs/cgroup", "/sys/devices/system", "/sys/block", "/proc/meminfo", "/proc/cpuinfo",
    "/proc/stat", "/proc/sys/vm", "/proc/self/stat", "/proc/self/statm", "/proc/self/status",
    "/proc/self/maps", "/proc/self/cgroup",
)  # fmt: skip


def main() -> None:
    """Serve one store until stdin ends."""
    options = Options(**json.loads(sys.stdin.readline()))
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(options.socket)
    if options.fence is not None:
        confine(readable(), [Path(folder) for folder in options.fence])
    if options.only_reads:
        nameless(Path(options.socket).parent, SCRATCH_FILE)
    # Only now: importing the engine starts its first threads, and they must be inside the fence.
    import chdb  # noqa: F401

    from clickward.server.engine import Engine

    _say({"ready": True})
    while "open" not in (order := json.loads(sys.stdin.readline() or '{"open": ""}')):
        _say({"awake": True})
    store = order["open"]
    if not store:
        return
    opened = nameless(Path(store), STORE_FILE) if options.only_reads else store
    address = opened + (f"?config-file={options.config}" if options.config else "")
    # Held until this process ends, so that nobody removes what it reads.
    _lock = hold(Path(store))
    try:
        engine = Engine(address, options.defaults, options.database)
    except (RuntimeError, EngineError) as error:
        _say({"error": str(error)})
        return
    listener.listen(128)
    threading.Thread(target=_accept, args=(listener, engine, options), daemon=True).start()
    _say({"version": engine.version, "timezone": engine.timezone})
    sys.stdin.read()
    # Without the engine's farewell, which waits for running queries: what counts is on disk.
    os._exit(0)


def nameless(folder: Path, file: int) -> str:
    """A folder's path through its descriptor `file`: queries see it, and not where it lies."""
    if not Path(DESCRIPTORS).is_dir():
        return str(folder)
    os.dup2(os.open(folder, os.O_RDONLY | os.O_DIRECTORY), file)
    return f"{DESCRIPTORS}/{file}"


def readable() -> list[Path]:
    """What a fenced process reads besides the folders it may write to: system and interpreter."""
    # In a checkout the packages of `clickward` are links to folders beside it.
    package = Path(clickward.__file__).parent
    here = [package, *((package / name).resolve() for name in ("server", "warehouse"))]
    prefixes = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.prefix).resolve()}
    return [*map(Path, SYSTEM), *prefixes, *here]


def _accept(listener: socket.socket, engine: Any, options: Options) -> None:
    from clickward.server.sessions import Sessions

    sessions = Sessions(engine)
    while True:
        connection, _ = listener.accept()
        threading.Thread(
            target=_serve, args=(connection, engine, sessions, options), daemon=True
        ).start()


def _serve(connection: socket.socket, engine: Any, sessions: Any, options: Options) -> None:
    from clickward.server.exchange import Exchange

    with connection:
        try:
            Exchange(connection, engine, sessions, options).run()
        except Disconnected:
            return


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
