"""What a client asks: who it is, the query, its parameters and settings."""

import base64
import binascii
import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from clickward.warehouse.door.compression import decompressor
from clickward.warehouse.door.errors import (
    AUTHENTICATION_FAILED,
    BAD_ARGUMENTS,
    NOT_IMPLEMENTED,
    UNKNOWN_ROLE,
    refusal,
)
from clickward.warehouse.door.frames import Call

# Parameters of the protocol; every other one is a setting, or a `param_…`.
OWN = {
    "query", "database", "default_format", "session_id", "session_timeout", "session_check",
    "query_id", "user", "password", "quota_key", "compress", "decompress", "wait_end_of_query",
    "buffer_size", "stacktrace", "client_protocol_version", "enable_http_compression",
    "send_progress_in_http_headers", "http_headers_progress_interval_ms", "add_http_cors_header",
    "http_write_exception_in_output_format", "http_make_head_request",
}  # fmt: skip
QUERY_ID = re.compile(r"[\x21-\x7e]{1,200}")
FORM_PART_BYTES = 1 << 24


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


async def _form(request: Request) -> dict[str, str]:
    try:
        form: FormData = await request.form(max_part_size=FORM_PART_BYTES)
    except HTTPException as error:
        raise refusal(BAD_ARGUMENTS, f"Cannot read the form: {error.detail}") from error
    values = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            raise refusal(NOT_IMPLEMENTED, "External data is not supported: insert it into a table")
        values[name] = value
    return values


def _is_on(value: str | None) -> bool:
    return value is not None and value.lower() in ("1", "true", "yes", "on")


def _seconds(text: str) -> int:
    if not text.isdecimal():
        raise refusal(BAD_ARGUMENTS, f"Invalid session timeout {text!r}")
    return int(text)
