"""What a client asks: who it is, the query, its parameters and settings."""

import asyncio
import base64
import binascii
import re
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from clickward.server.compression import decompressor
from clickward.server.errors import (
    AUTHENTICATION_FAILED,
    BAD_ARGUMENTS,
    NOT_IMPLEMENTED,
    QUERY_IS_TOO_LARGE,
    SOCKET_TIMEOUT,
    UNKNOWN_ROLE,
    refusal,
)
from clickward.server.frames import LONGEST_QUERY, Call

# Parameters of the protocol; every other one is a setting, or a `param_…`.
OWN = {
    "query", "database", "default_format", "session_id", "session_timeout", "session_check",
    "query_id", "user", "password", "quota_key", "compress", "decompress", "wait_end_of_query",
    "buffer_size", "stacktrace", "client_protocol_version", "enable_http_compression",
    "send_progress_in_http_headers", "http_headers_progress_interval_ms", "add_http_cors_header",
    "http_write_exception_in_output_format", "http_make_head_request",
}  # fmt: skip
QUERY_ID = re.compile(r"[\x21-\x7e]{1,200}")
NUMBER = re.compile(r"[0-9]{1,18}")
INSERT_HEAD = 1 << 18
BODY_SECONDS = 60


@dataclass(frozen=True)
class Question:
    """A request, read up to its body."""

    call: Call
    query: str
    accepts: str
    answers_in_blocks: bool
    waits_for_end: bool


def credentials(request: Request) -> tuple[str, str]:
    """User and password: HTTP basic, X-ClickHouse-User and -Key, or in the address."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise refusal(AUTHENTICATION_FAILED, "Invalid HTTP basic authentication") from error
        return name, password
    if scheme and scheme.lower() != "never":
        raise refusal(AUTHENTICATION_FAILED, f"{scheme} authentication is not supported: use basic")
    headers, address = request.headers, request.query_params
    if "x-clickhouse-user" in headers or "x-clickhouse-key" in headers:
        return headers.get("x-clickhouse-user", "default"), headers.get("x-clickhouse-key", "")
    return address.get("user", "default"), address.get("password", "")


async def read_question(request: Request, user: str) -> Question:
    """Everything but the body. A form is read whole: it holds query and parameters."""
    values = dict(request.query_params)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        values |= await _form(request)
    if "role" in values:
        raise refusal(UNKNOWN_ROLE, "Roles cannot be chosen: a door has one")
    headers = request.headers
    query_id = values.get("query_id") or str(uuid.uuid4())
    if not QUERY_ID.fullmatch(query_id):
        raise refusal(BAD_ARGUMENTS, "A query id is up to 200 printable characters")
    call = Call(
        user=user,
        query_id=query_id,
        token=uuid.uuid4().hex,
        default_format=values.get("default_format")
        or headers.get("x-clickhouse-format")
        or "TabSeparated",
        database=values.get("database") or headers.get("x-clickhouse-database", ""),
        settings={
            name: value
            for name, value in values.items()
            if name not in OWN and not name.startswith("param_")
        },
        parameters={
            name.removeprefix("param_"): value
            for name, value in values.items()
            if name.startswith("param_")
        },
        session_id=values.get("session_id", ""),
        session_timeout=_seconds(values.get("session_timeout", "60")),
        session_check=_is_on(values.get("session_check")),
        is_get=request.method != "POST",
    )
    seconds = call.settings.get("max_execution_time", "0")
    if seconds.isdecimal() and not NUMBER.fullmatch(seconds):
        raise refusal(BAD_ARGUMENTS, f"Invalid max_execution_time {seconds[:80]!r}")
    if not call.default_format.isalnum():
        raise refusal(BAD_ARGUMENTS, f"Unknown format {call.default_format!r}")
    return Question(
        call=call,
        query=values.get("query", ""),
        accepts=headers.get("accept-encoding", "")
        if _is_on(values.get("enable_http_compression"))
        else "",
        answers_in_blocks=_is_on(values.get("compress")),
        waits_for_end=_is_on(values.get("wait_end_of_query")),
    )


async def read_body(request: Request, question: Question) -> AsyncIterator[bytes]:
    """Query and rows as one text: that of the address, a line break, and the body."""
    if question.query:
        yield question.query.encode() + b"\n"
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return
    reading = decompressor(
        request.headers.get("content-encoding", ""),
        _is_on(request.query_params.get("decompress")),
    )
    async for received in request.stream():
        for piece in reading.feed(received):
            yield piece
    reading.finish()


async def received(request: Request, question: Question, only_reads: bool) -> AsyncIterator[bytes]:
    """The body's pieces, once enough of it is here: all of a query, the beginning of rows.

    Raises `EngineError` where it is too long for a query, or does not come.
    """
    pieces = read_body(request, question)
    most = LONGEST_QUERY if only_reads else INSERT_HEAD
    held, size = [], 0
    async with _in_time():
        async for piece in pieces:
            held.append(piece)
            size += len(piece)
            if size > most:
                break
    if only_reads and size > most:
        raise refusal(QUERY_IS_TOO_LARGE, "Max query size exceeded")

    async def all_of_it() -> AsyncIterator[bytes]:
        for piece in held:
            yield piece
        while True:
            async with _in_time():
                try:
                    rest = await anext(pieces)
                except StopAsyncIteration:
                    return
            yield rest

    return all_of_it()


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            yield
    except TimeoutError as error:
        raise refusal(SOCKET_TIMEOUT, f"The body did not come in {BODY_SECONDS} s") from error


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, in memory. A file is refused before its first byte is read."""
    size = 0

    async def counted() -> AsyncGenerator[bytes, None]:
        nonlocal size
        async for piece in request.stream():
            size += len(piece)
            if size > LONGEST_QUERY:
                raise refusal(QUERY_IS_TOO_LARGE, "Max query size exceeded")
            yield piece

    parser = MultiPartParser(request.headers, counted(), max_files=0, max_part_size=LONGEST_QUERY)
    try:
        async with _in_time():
            form = await parser.parse()
    except MultiPartException as error:
        if "Too many files" in error.message:
            raise refusal(
                NOT_IMPLEMENTED, "External data is not supported: insert it into a table"
            ) from error
        raise refusal(BAD_ARGUMENTS, f"Cannot read the form: {error.message}") from error
    except KeyError as error:
        raise refusal(BAD_ARGUMENTS, f"Cannot read the form: no {error}") from error
    return {name: value for name, value in form.multi_items() if isinstance(value, str)}


def _is_on(value: str | None) -> bool:
    return value is not None and value.lower() in ("1", "true", "yes", "on")


def _seconds(text: str) -> int:
    if not NUMBER.fullmatch(text):
        raise refusal(BAD_ARGUMENTS, f"Invalid session timeout {text[:80]!r}")
    return int(text)
