"""An answer on its way: from a worker's frames to an HTTP response."""

import asyncio
import json
import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from clickward.server.compression import Compressor, compressor
from clickward.server.errors import NETWORK_ERROR, EngineError, refusal
from clickward.server.fleet import Worker
from clickward.server.frames import (
    DATA,
    DONE,
    END,
    ERROR,
    PIECE,
    QUERY,
    Disconnected,
    frame,
    receive_async,
)
from clickward.server.requests import Question

HELD_IN_MEMORY = 1 << 22
CONTENT_TYPES = {
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "JSONCompactEachRow": "application/x-ndjson; charset=UTF-8",
    "XML": "application/xml; charset=UTF-8",
    "Native": "application/octet-stream",
    "RowBinary": "application/octet-stream",
    "RowBinaryWithNamesAndTypes": "application/octet-stream",
    "Parquet": "application/octet-stream",
    "Arrow": "application/octet-stream",
    "ArrowStream": "application/octet-stream",
}


@asynccontextmanager
async def ask(
    worker: Worker, request: Request, question: Question, pieces: AsyncIterator[bytes]
) -> "AsyncIterator[Answer]":
    """Send a question and the `pieces` of its body to a worker. Leaving early closes the
    connection: the query is stopped.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(worker.socket)
    except OSError as error:
        raise _ended() from error
    try:
        writer.write(frame(QUERY, question.call.encode()))
        async for piece in pieces:
            for start in range(0, len(piece), PIECE):
                writer.write(frame(DATA, piece[start : start + PIECE]))
                await writer.drain()
        writer.write(frame(END))
        await writer.drain()
        yield Answer(request, question, reader)
    except (ConnectionError, Disconnected) as error:
        raise _ended() from error
    finally:
        writer.close()


class Answer:
    """What a worker says to one question."""

    def __init__(self, request: Request, question: Question, reader: asyncio.StreamReader) -> None:
        self.request = request
        self.question = question
        self.reader = reader
        self.tag = secrets.token_hex(8)

    async def send(self, send: Send) -> None:
        """Send the response, or stop once the client has gone.

        Raises `EngineError` where the query fails before the first byte, and at the latest at
        its end where the client asked to wait for it.
        """
        sending = asyncio.create_task(self._send(send))
        going = asyncio.create_task(self._client_gone())
        try:
            await asyncio.wait({sending, going}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            going.cancel()
            if not sending.done():
                sending.cancel()
            await asyncio.gather(going, sending, return_exceptions=True)
        if not sending.cancelled():
            sending.result()

    async def _client_gone(self) -> None:
        while (await self.request.receive())["type"] != "http.disconnect":
            pass

    async def _send(self, send: Send) -> None:
        _, head = await self._next()
        if self.question.waits_for_end:
            with tempfile.SpooledTemporaryFile(HELD_IN_MEMORY) as spool:
                kind, payload = await self._next()
                while kind == DATA:
                    spool.write(payload)
                    kind, payload = await self._next()
                is_empty = not spool.tell()
                spool.seek(0)
                response = self._response(json.loads(head), payload, is_empty, _read(spool))
                await response(self.request.scope, self.request.receive, send)
            return
        held = b""
        kind, payload = await self._next()
        if kind == DATA:
            # One piece is held back: a small result goes with its whole summary, or its error.
            held = payload
            kind, payload = await self._next()
        summary = payload if kind == DONE else b"{}"
        is_empty = kind == DONE and not held
        pieces = self._stream(held, payload if kind == DATA else b"")
        response = self._response(json.loads(head), summary, is_empty, pieces)
        await response(self.request.scope, self.request.receive, send)

    async def _next(self) -> tuple[bytes, bytes]:
        kind, payload = await receive_async(self.reader)
        if kind == ERROR:
            raise EngineError(**json.loads(payload))
        return kind, payload

    async def _stream(self, *pieces: bytes) -> AsyncIterator[bytes]:
        """These pieces and, unless the last is empty, the rest of the result.

        An error that comes now is told within the result.
        """
        for piece in pieces:
            yield piece
        kind = DATA if pieces[-1] else DONE
        try:
            while kind == DATA:
                kind, payload = await self._next()
                if kind == DATA:
                    yield payload
        except EngineError as error:
            yield self._exception(error)
        except Disconnected:
            yield self._exception(_ended())

    def _exception(self, error: EngineError) -> bytes:
        """As ClickHouse marks an error within a result; clients look for the tag."""
        text = f"{error.text}\n".encode()
        tag = self.tag.encode()
        return b"\r\n__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n" % (
            tag, text, len(text), tag,
        )  # fmt: skip

    def _response(
        self, head: dict[str, Any], summary: bytes, is_empty: bool, pieces: AsyncIterator[bytes]
    ) -> Response:
        call = self.question.call
        headers = {
            "X-ClickHouse-Query-Id": call.query_id,
            "X-ClickHouse-Server-Display-Name": "clickward",
            "X-ClickHouse-Timezone": head["timezone"],
            "X-ClickHouse-Summary": json.dumps(json.loads(summary), separators=(",", ":")),
            "X-ClickHouse-Exception-Tag": self.tag,
        }
        if head["has_result"] or not is_empty:
            headers["X-ClickHouse-Format"] = head["format"]
            headers["Content-Type"] = CONTENT_TYPES.get(head["format"], "text/plain; charset=UTF-8")
        if is_empty:
            return Response(b"", headers=headers)
        encoding, packer = compressor(self.question.accepts, self.question.answers_in_blocks)
        if encoding:
            headers["Content-Encoding"] = encoding
        return StreamingResponse(_packed(pieces, packer), headers=headers)


async def _packed(pieces: AsyncIterator[bytes], packer: Compressor) -> AsyncIterator[bytes]:
    async for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    if rest := packer.flush():
        yield rest


async def _read(spool: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := spool.read(PIECE):
        yield piece


def _ended() -> EngineError:
    return refusal(NETWORK_ERROR, "The engine ended during the query: ask again")
