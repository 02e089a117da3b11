"""One query over one connection: from its frames to the engine, and the result back."""

import socket
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import clickward
from clickward.server.engine import Engine, Handle, Kind, Progress
from clickward.server.errors import (
    ACCESS_DENIED,
    QUERY_IS_TOO_LARGE,
    READONLY,
    SYNTAX_ERROR,
    EngineError,
    from_engine,
    refusal,
)
from clickward.server.frames import (
    DONE,
    ERROR,
    HEAD,
    LONGEST_QUERY,
    QUERY,
    Call,
    Disconnected,
    body,
    receive,
    send_json,
)
from clickward.server.options import Options
from clickward.server.refused import refuse_for_readers, refuse_token
from clickward.server.roles import DESCRIPTORS, STORE_FILE
from clickward.server.running import GRACE_SECONDS, Running, ended_in, write_all
from clickward.server.sessions import Sessions
from clickward.server.statement import Insert, is_insert, split_insert, to_file

LONGEST_INSERT_HEAD = 1 << 18


class Exchange:
    """Answers the one query of `connection`. `options` say who may ask, and for how long."""

    def __init__(
        self, connection: socket.socket, engine: Engine, sessions: Sessions, options: Options
    ) -> None:
        self.connection = connection
        self.engine = engine
        self.sessions = sessions
        self.only_reads = options.only_reads
        self.most_seconds = options.seconds

    def run(self) -> None:
        """Read the call, run it, and send the result or the error. Raises `Disconnected`."""
        kind, payload = receive(self.connection)
        if kind != QUERY:
            raise Disconnected
        self.call = Call.decode(payload)
        pieces = body(self.connection)
        try:
            with self._in_time(), self.sessions.handle(self.call) as handle:
                handle.use(self.call.database)
                # The comment is how a query that nobody waits for is found and stopped.
                own = {"log_comment": self.call.token}
                handle.lend(self.call.settings | own, is_kept=bool(self.call.session_id))
                summary = self._answer(handle, pieces)
            send_json(self.connection, DONE, summary)
        except EngineError as error:
            for _ in pieces:
                pass  # what is still on its way would otherwise meet a closed socket
            text = without_paths(error.text) if self.only_reads else error.text
            if "(version " not in text:
                text += f" (version {self.engine.version})"
            send_json(self.connection, ERROR, {"code": error.code, "text": text})

    def _in_time(self) -> AbstractContextManager[None]:
        """Ends a reader's query that runs past its limit."""
        if not self.most_seconds:
            return nullcontext()
        asked = self.call.settings.get("max_execution_time", "")
        seconds = int(asked) if asked.isdecimal() else self.most_seconds
        return ended_in(
            min(seconds, self.most_seconds) + GRACE_SECONDS,
            self.connection,
            lambda: self.engine.kill(self.call.token),
        )

    def _answer(self, handle: Handle, pieces: Iterator[bytes]) -> dict[str, str]:
        head = bytearray()
        insert: Insert | None = None
        for piece in pieces:
            head += piece
            if len(head) > LONGEST_QUERY:
                raise refusal(QUERY_IS_TOO_LARGE, "Max query size exceeded")
            if len(head) - len(piece) < LONGEST_INSERT_HEAD and is_insert(head):
                insert = split_insert(bytes(head), is_all=False)
                if insert is not None:
                    return self._insert(handle, insert, bytes(head), pieces)
        if is_insert(head):
            insert = split_insert(bytes(head), is_all=True)
        if insert is not None:
            return self._insert(handle, insert, bytes(head), pieces)
        return self._query(handle, bytes(head))

    def _query(self, handle: Handle, raw: bytes) -> dict[str, str]:
        text = _text(raw)
        kind = handle.classify(text)
        if kind is Kind.UNKNOWN:
            raise handle.complaint(text)
        self._permit(kind)
        if self.only_reads:
            refuse_for_readers(handle, text, self.call.parameters)
        else:
            refuse_token(handle, text)
        progress = Progress()
        handle.watch(progress)
        try:
            if kind is Kind.READ_ONLY and self._can_pipe(handle, raw):
                self._pipe(handle, raw)
            else:
                self._whole(handle, text, kind is Kind.READ_ONLY)
        finally:
            handle.watch(None)
        return progress.counts

    def _permit(self, kind: Kind) -> None:
        """What grants do not cover: a reader's controls, and writing by GET."""
        if self.only_reads and kind is Kind.CONTROL:
            raise refusal(
                ACCESS_DENIED,
                "Not enough privileges. Readers may read, and nothing else: no SET, USE, SYSTEM,"
                " KILL or BACKUP, and no INTO OUTFILE",
            )
        if self.call.is_get and kind is not Kind.READ_ONLY:
            raise refusal(READONLY, "Cannot execute query in readonly mode: use POST to write")

    def _can_pipe(self, handle: Handle, raw: bytes) -> bool:
        """Whether the engine's parser sees the result of the query go to a file."""
        piped, _ = to_file(raw, "/dev/fd/0", self.call.default_format)
        return handle.classify(_text(piped)) is Kind.CONTROL

    def _pipe(self, handle: Handle, raw: bytes) -> None:
        """The engine itself writes the result, in any format, into a pipe."""

        def write(file: int) -> None:
            piped, _ = to_file(raw, f"/dev/fd/{file}", self.call.default_format)
            handle.query(_text(piped), self.call.default_format, self.call.parameters)

        self._running(to_file(raw, "", self.call.default_format)[1]).send(write)

    def _whole(self, handle: Handle, text: str, has_result: bool) -> None:
        """A statement whose result, if any, is small: made in memory, then sent."""

        def write(file: int) -> None:
            result = handle.query(text, self.call.default_format, self.call.parameters)
            write_all(file, result)

        self._running(self.call.default_format, has_result).send(write)

    def _insert(
        self, handle: Handle, insert: Insert, head: bytes, pieces: Iterator[bytes]
    ) -> dict[str, str]:
        """Rows into the engine as they come, never all at once."""
        statement = _text(insert.statement)
        self._permit(handle.classify(f"{statement} format {insert.format}"))
        if self.call.parameters:
            # The streaming insert takes none of its own.
            handle.set_parameters(self.call.parameters)
        connection = handle.connection
        try:
            stream = connection.send_insert(statement, insert.format)
            try:
                connection.insert_append(stream, head[insert.data_at :])
                for piece in pieces:
                    connection.insert_append(stream, piece)
            except Disconnected:
                connection.insert_cancel(stream)
                raise
            done = connection.insert_done(stream)
        except RuntimeError as error:
            raise from_engine(error) from error
        send_json(self.connection, HEAD, self._head(None))
        rows, size = str(done.rows_written()), str(done.bytes_written())
        return {
            "read_rows": rows,
            "read_bytes": size,
            "written_rows": rows,
            "written_bytes": size,
            "result_rows": rows,
            "result_bytes": size,
            "elapsed_ns": str(int(done.elapsed() * 1e9)),
        }

    def _running(self, output_format: str, has_result: bool = True) -> Running:
        head = self._head(output_format) | {"has_result": has_result}
        return Running(self.connection, head, lambda: self.engine.kill(self.call.token))

    def _head(self, output_format: str | None) -> dict[str, Any]:
        timezone = self.call.settings.get("session_timezone") or self.engine.timezone
        return {"format": output_format, "has_result": bool(output_format), "timezone": timezone}


def without_paths(text: str) -> str:
    """An error for readers: the engine names the files that it could not open or make."""
    here = (
        Path.cwd(),
        Path(sys.prefix),
        Path(sys.prefix).resolve(),
        Path(clickward.__file__).parent,
    )
    store = Path(f"{DESCRIPTORS}/{STORE_FILE}").resolve()
    for folder in sorted((*here, store, *store.parents[:2]), key=lambda path: -len(str(path))):
        text = text.replace(str(folder), "…")
    return text


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise refusal(SYNTAX_ERROR, f"Syntax error: the query is not UTF-8: {error}") from error
