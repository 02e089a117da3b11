"""The engine of a worker process, and the handles on it."""

import re
import threading
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from clickward.server.errors import (
    BAD_ARGUMENTS,
    SYNTAX_ERROR,
    UNKNOWN_SETTING,
    EngineError,
    from_engine,
    refusal,
)

SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


class Kind(Enum):
    """What the engine's parser says of a statement, by chDB's names."""

    READ_ONLY = "READ_ONLY"
    MUTATING = "MUTATING"
    MUTATING_GLOBAL = "MUTATING_GLOBAL"
    CONTROL = "CONTROL"
    UNKNOWN = "UNKNOWN"


@dataclass
class Progress:
    """What a query has read and written so far, under the keys of X-ClickHouse-Summary."""

    counts: dict[str, str] = field(default_factory=dict)

    def __call__(self, counts: dict[str, Any]) -> None:
        # The engine does not count a result that it writes to a file: better unsaid than 0.
        self.counts = {
            name: str(value) for name, value in counts.items() if not name.startswith("result_")
        }


class Handle:
    """One connection to the engine: its own settings and current database, one query at a time."""

    def __init__(self, address: str, defaults: dict[str, str]) -> None:
        # The module below chDB's own wrapper: the wrapper leaves out `classify_query`.
        from chdb._chdb import connect  # type: ignore[attr-defined]

        self.connection: Any = connect(address)
        self.database = ""
        self._lent: set[str] = set()
        self._before: dict[str, str | None] = {}
        self._set(dict(defaults))

    def query(
        self,
        text: str,
        output_format: str = "TabSeparated",
        parameters: dict[str, str] | None = None,
    ) -> bytes:
        """Run one statement and return its result. Raises `EngineError`."""
        try:
            result = self.connection.query(text, output_format, params=parameters or {})
        except RuntimeError as error:
            raise from_engine(error) from error
        return bytes(result.bytes()) if result is not None and result.size() else b""

    def watch(self, progress: Progress | None) -> None:
        """Let `progress` hear how far the next queries are."""
        self.connection.set_progress_callback(progress)

    def classify(self, text: str) -> Kind:
        """What kind of statement `text` is. Raises a syntax error where it is more than one."""
        count, kind = self.parse(text)
        if count > 1:
            raise refusal(SYNTAX_ERROR, "Syntax error: Multi-statements are not allowed")
        return kind

    def parse(self, text: str) -> tuple[int, Kind]:
        """How many statements `text` is, and of what kind; 0, UNKNOWN where it does not parse."""
        report = self.connection.classify_query(text)
        count = int(report["statement_count"])
        return count, Kind(report["query_class"].name) if count else Kind.UNKNOWN

    def complaint(self, text: str) -> EngineError:
        """The engine's own words on a text that its parser does not understand; nothing is run."""
        try:
            # Refuses several statements too.
            stream = self.connection.send_query(text, "Null", params={})
            self.connection.streaming_cancel_query(stream)
        except RuntimeError as error:
            return from_engine(error)
        return refusal(SYNTAX_ERROR, "Syntax error")

    def use(self, database: str) -> None:
        if database and database != self.database:
            quoted = database.replace("\\", "\\\\").replace("`", "\\`")
            self.query(f"use `{quoted}`")
            self.database = database

    def lend(self, settings: dict[str, str], is_kept: bool) -> None:
        """Apply a request's settings, and take back those of the request before.

        `is_kept` says that the handle is a session's, whose own settings come back afterwards.
        """
        wanted = dict(settings)
        if is_kept:
            if "readonly" in wanted:
                raise refusal(
                    BAD_ARGUMENTS, "readonly cannot be set for one query of a session: leave it out"
                )
            fresh = [name for name in wanted if name not in self._before]
            self._before |= self._current(fresh)
        taken_back = {name: self._before[name] for name in self._lent - set(wanted)}
        self._lent = set(wanted) if is_kept else set()
        for name in taken_back:
            del self._before[name]
        self._set(wanted | taken_back)

    def set_parameters(self, parameters: dict[str, str]) -> None:
        """Give `{name:Type}` their values for the statements to come."""
        self._set({f"param_{name}": value for name, value in parameters.items()})

    def close(self) -> None:
        self.connection.close()

    def _current(self, names: list[str]) -> dict[str, str | None]:
        """Values of settings, None where they are the default."""
        if not names:
            return {}
        wanted = ", ".join(quote(name) for name in names)
        rows = self.query(
            f"select name, value from system.settings where changed and name in ({wanted})",
            "TabSeparatedRaw",
        )
        pairs = (line.split("\t", 1) for line in rows.decode().splitlines())
        return dict.fromkeys(names) | dict(pairs)

    def _set(self, settings: "dict[str, str | None] | dict[str, str]") -> None:
        for name in settings:
            if not SETTING_NAME.fullmatch(name):
                raise refusal(UNKNOWN_SETTING, f"Unknown setting {name!r}")
        # `readonly` closes the door to the other settings: it comes last.
        ordered = sorted(settings.items(), key=lambda setting: setting[0] == "readonly")
        if ordered:
            self.query(
                "set "
                + ", ".join(
                    f"{name} = {'default' if value is None else quote(value)}"
                    for name, value in ordered
                )
            )


class Engine:
    """The one engine of this process: opens handles and stops queries.

    Raises `EngineError` or `RuntimeError` where it does not open, or has no such `database`.
    """

    def __init__(self, address: str, defaults: dict[str, str], database: str = "") -> None:
        self.address = address
        self.database = database
        self.defaults = {"implicit_select": "0"} | defaults
        self._control = Handle(address, {})
        self._control_lock = threading.Lock()
        version, timezone = self._control.query("select version(), timezone()").decode().split()
        self.version = version
        self.timezone = timezone
        # A damaged store may open, and lack what is to be read.
        self.handle().close()

    def handle(self) -> Handle:
        """A new handle with the default database and settings."""
        handle = Handle(self.address, self.defaults)
        handle.use(self.database)
        return handle

    def kill(self, token: str) -> None:
        """Stop the query that carries `token` as its comment, if it runs."""
        with self._control_lock:
            # A reader's engine shows a query only to who knows its comment.
            self._control.query(f"set log_comment = {quote(token)}")
            self._control.query(
                f"kill query where Settings['log_comment'] = {quote(token)}"
                " and query_kind != 'KillQuery' async"
            )


def quote(text: str) -> str:
    """`text` as a literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
