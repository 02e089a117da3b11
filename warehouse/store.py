"""The embedded engine's folder, and who holds it."""

import os
from pathlib import Path
from typing import Any

import psutil

from clickward.warehouse.errors import ConnectionFailed, UsageError
from clickward.warehouse.private import close


def resolve_store(path: str, profiles_dir: Path) -> Path:
    """Absolute folder of the store; a relative `path` starts beside the profile's folder.

    Raises `UsageError` for an empty `path`, which would be the project's own folder.
    """
    if not path.strip():
        raise UsageError("the store has no folder", "set CLICKWARD_STORE to one, or do not set it")
    if "?" in path or "\0" in path or not _is_text(path):
        raise UsageError(
            f"the store's folder {path!a} has a name that the engine does not take",
            "set CLICKWARD_STORE to a folder without ? whose name is UTF-8",
        )
    return (profiles_dir.resolve().parent / Path(path).expanduser()).resolve()


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def open_store(store: Path, settings: dict[str, Any]) -> Any:
    """A clickhouse-connect client on the chDB engine of this process.

    One process can hold a store, any number of handles in it. Raises `ConnectionFailed`
    where another process holds it or this process already holds another one, or where the
    folder cannot be written; `UsageError` where the engine knows no zone of the name in `TZ`.
    """
    import clickhouse_connect
    from clickhouse_connect.driver.exceptions import ProgrammingError

    _import_engine()
    try:
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (store / "status").is_file():
            close(store)
    except OSError as error:
        raise ConnectionFailed(
            f"cannot create the store {store}: {error.strerror}",
            "choose another folder with CLICKWARD_STORE",
        ) from error
    if not os.access(store, os.W_OK):
        raise ConnectionFailed(
            f"the store {store} cannot be written",
            "give your user its folder, or choose another with CLICKWARD_STORE",
        )
    try:
        return clickhouse_connect.get_client(
            interface="chdb", path=str(store), settings=settings, query_limit=0
        )
    except ProgrammingError as error:
        holder = holder_of(store)
        if holder is not None:
            raise ConnectionFailed(
                f"the store {store} is held by {describe(holder)}",
                "wait for it to end, or use a server target (--target server)",
            ) from error
        raise ConnectionFailed(
            f"cannot open the store {store}: {error}", "run `clickward doctor`"
        ) from error


def _import_engine() -> None:
    """The engine reads `TZ` when it is loaded, and knows names of zones only."""
    zone = os.environ.get("TZ", "")
    try:
        if ".." in Path(zone).parts:
            raise ImportError from ValueError("no time zone")
        import chdb  # noqa: F401
    except ImportError as error:
        if "time zone" not in str(error.__cause__ or error.__context__):
            raise
        raise UsageError(
            f"TZ={zone} is no time zone that the engine knows",
            "name a zone such as UTC or Europe/Berlin, or run `env -u TZ clickward …`",
        ) from error


def holder_of(store: Path) -> psutil.Process | None:
    """The living process named in the engine's `status` file, unless it is this one."""
    status = store / "status"
    if not status.is_file():
        return None
    for line in status.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "PID" and value.strip().isdigit():
            pid = int(value)
            if pid != psutil.Process().pid and psutil.pid_exists(pid):
                return psutil.Process(pid)
    return None


def describe(process: psutil.Process) -> str:
    """`process 4711 (clickward build)`: enough to find it, on one line."""
    try:
        words = process.cmdline() or [process.name()]
    except psutil.Error:
        words = []
    # The interpreter's path says nothing; the script and its words do.
    if len(words) > 1 and Path(words[0]).name.startswith("python"):
        words = words[1:]
    text = " ".join([Path(words[0]).name, *words[1:]]) if words else "unknown command"
    return f"process {process.pid} ({' '.join(text.split())[:120]})"
