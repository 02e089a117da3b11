"""What front and worker say to each other: a kind, a length, and the bytes.

Towards the worker: `QUERY` (JSON, see `Call`), then `DATA` of statement and rows, then `END`.
Towards the front: `HEAD` (JSON) before the first byte of the result, `DATA`, and last `DONE`
(JSON, the summary) or `ERROR` (JSON: code, text). Closing the socket early cancels the query.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

QUERY, DATA, END, HEAD, DONE, ERROR = b"Q", b"D", b"E", b"H", b"Z", b"X"
PREFIX = struct.Struct("!cI")
PIECE = 1 << 18
LONGEST_QUERY = 1 << 24


class Disconnected(Exception):
    """The other side went away."""


@dataclass(frozen=True)
class Call:
    """One query as a client asked it, without its text and rows.

    `token` is how the query is found when it must be stopped; no client knows it.
    """

    user: str
    query_id: str
    token: str
    default_format: str = "TabSeparated"
    database: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    session_id: str = ""
    session_timeout: int = 60
    session_check: bool = False
    is_get: bool = False

    def encode(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, payload: bytes) -> "Call":
        return cls(**json.loads(payload))


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    return PREFIX.pack(kind, len(payload)) + payload


def receive(connection: socket.socket) -> tuple[bytes, bytes]:
    """The next frame. Raises `Disconnected` at the end of the stream."""
    kind, length = PREFIX.unpack(_exactly(connection, PREFIX.size))
    return kind, _exactly(connection, length)


def send(connection: socket.socket, kind: bytes, payload: bytes = b"") -> None:
    """Send one frame; waits while the other side does not read."""
    try:
        connection.sendall(frame(kind, payload))
    except OSError as error:
        raise Disconnected from error


def body(connection: socket.socket) -> Iterator[bytes]:
    """Every `DATA` up to `END`."""
    while True:
        kind, payload = receive(connection)
        if kind == END:
            return
        yield payload


async def receive_async(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """`receive` for the front."""
    try:
        kind, length = PREFIX.unpack(await reader.readexactly(PREFIX.size))
        return kind, await reader.readexactly(length)
    except (asyncio.IncompleteReadError, OSError) as error:
        raise Disconnected from error


def send_json(connection: socket.socket, kind: bytes, value: dict[str, Any]) -> None:
    send(connection, kind, json.dumps(value).encode())


def _exactly(connection: socket.socket, length: int) -> bytes:
    pieces = bytearray()
    while len(pieces) < length:
        try:
            piece = connection.recv(min(length - len(pieces), PIECE))
        except OSError as error:
            raise Disconnected from error
        if not piece:
            raise Disconnected
        pieces += piece
    return bytes(pieces)
