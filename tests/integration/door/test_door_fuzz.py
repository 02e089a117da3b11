"""Requests that no client would send: the door answers the next one all the same."""

import gzip
import random
import socket
import struct
from collections.abc import Iterator

import lz4.frame
import pytest
from doors import Built, Door, engine_of

from clickward.server.blocks import HEADER, BlockWriter

LOGIN = b"X-ClickHouse-User: eng\r\nX-ClickHouse-Key: may-do-all\r\n"
SEEDS = range(6)


def talk(door: Door, request: bytes) -> bytes:
    """Send bytes as they are; returns what comes until the door closes or falls silent."""
    with socket.create_connection((door.host, door.port), timeout=2) as connection:
        answer = b""
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(1 << 16):
                answer += piece
        except OSError:
            pass  # a door may hang up on nonsense, before it is all sent
        return answer


def post(head: bytes, body: bytes, address: bytes = b"/") -> bytes:
    return b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\n%b%b\r\n%b" % (address, LOGIN, head, body)


CHUNKED = b"Transfer-Encoding: chunked\r\n"
BROKEN = {
    "no size of a chunk": post(CHUNKED, b"zz\r\nselect 1\r\n0\r\n\r\n"),
    "a huge chunk": post(CHUNKED, b"ffffffffffffffff\r\nselect 1"),
    "a negative chunk": post(CHUNKED, b"-8\r\nselect 1\r\n0\r\n\r\n"),
    "a chunk cut off": post(CHUNKED, b"8\r\nsele"),
    "no last chunk": post(CHUNKED, b"8\r\nselect 1\r\n"),
    "a body cut off": post(b"Content-Length: 1000\r\n", b"insert into t values (1"),
    "a negative length": post(b"Content-Length: -1\r\n", b"select 1"),
    "two lengths": post(b"Content-Length: 8\r\nContent-Length: 3\r\n", b"select 1"),
    "length and chunks": post(CHUNKED + b"Content-Length: 3\r\n", b"8\r\nselect 1\r\n0\r\n\r\n"),
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "a line without end": b"GET /" + b"a" * 3_000_000,
    "a header without end": b"GET / HTTP/1.1\r\nX: " + b"a" * 3_000_000,
    "many headers": b"GET /ping HTTP/1.1\r\n" + b"X: y\r\n" * 200_000 + b"\r\n",
    "zeros": b"\0" * 10_000,
    "bad escapes": post(b"Content-Length: 0\r\n", b"", b"/?query=%ff%fe%zz&%=%&=&&"),
    "bad UTF-8 in names": post(b"Content-Length: 8\r\n", b"select 1", b"/?%ff=1&param_%ff=2"),
    "bad login": b"GET /?query=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Basic !!!\r\n\r\n",
    "bad UTF-8 in login": b"GET / HTTP/1.1\r\nHost: x\r\nX-ClickHouse-User: \xff\xfe\r\n\r\n",
    "an upgrade": b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "a form cut off": post(
        b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 30\r\n",
        b"--x\r\nContent-Disposition: form",
    ),
    "a form without boundary": post(
        b"Content-Type: multipart/form-data\r\nContent-Length: 8\r\n", b"select 1"
    ),
    "a wait": post(b"Expect: 200-maybe\r\nContent-Length: 8\r\n", b"select 1"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def alive(built: Built, engineer: Door) -> Iterator[None]:
    """The same engine answers before and after, and the front has not ended."""
    engine = engine_of(built.served.store).pid
    yield
    assert engineer.value("select 42") == "42"
    assert engineer.process.poll() is None
    assert engine_of(built.served.store).pid == engine


@pytest.mark.parametrize("request_", BROKEN.values(), ids=BROKEN)
def test_broken_requests(engineer: Door, request_: bytes) -> None:
    answer = talk(engineer, request_)
    assert b" 500 " not in answer.split(b"\r\n")[0], answer[:500]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "lz4", "xz", "bz2"])
def test_broken_compression(engineer: Door, encoding: str) -> None:
    headers = {"content-encoding": encoding}
    for body in (b"select 1", b"", b"\x1f\x8b\x08", b"\0" * 100):
        answer = engineer.ask(body, headers=headers)
        assert answer.headers["X-ClickHouse-Exception-Code"] in ("271", "62"), answer.data
    assert engineer.ask("select 1", headers={"content-encoding": "rot13"}).status == 400


def test_compressed_bodies_that_are_cut_or_changed(engineer: Door, scratch: str) -> None:
    engineer.value(f"create table {scratch}.t (n UInt64) engine MergeTree order by n")
    insert = f"insert into {scratch}.t format TSV\n".encode() + b"1\n" * 50_000
    for name, packed in (("gzip", gzip.compress(insert)), ("lz4", lz4.frame.compress(insert))):
        for body in (packed[:-9], packed[: len(packed) // 2], packed[:-4] + b"\1\2\3\4"):
            answer = engineer.ask(body, headers={"content-encoding": name})
            assert answer.headers["X-ClickHouse-Exception-Code"] == "271", answer.data
    assert engineer.value(f"select count() from {scratch}.t") == "0"


def test_a_bomb_does_not_go_off(built: Built, engineer: Door) -> None:
    bomb = gzip.compress(b"select 1" + b" " * (1 << 28))
    before = engine_of(built.served.store).memory_info().rss
    assert engineer.ask(bomb, headers={"content-encoding": "gzip"}).status == 413
    assert engine_of(built.served.store).memory_info().rss - before < 1 << 28


def test_broken_blocks(engineer: Door) -> None:
    block = BlockWriter().compress(b"select 1")
    huge = b"\0" * 16 + HEADER.pack(0x82, (1 << 32) - 1, (1 << 32) - 1)
    for body in (
        block[:-1], block[:10], b"\0" + block[1:], block + b"x", huge,
        block[:16] + struct.pack("<B", 0x99) + block[17:], b"select 1" * 10,
    ):  # fmt: skip
        assert engineer.refusal(body, decompress=1) == 271


def test_huge_and_odd_parameters(engineer: Door) -> None:
    assert engineer.ask("select 1", **{f"param_{n}": "x" * 100 for n in range(5000)}).data == b"1\n"
    assert engineer.value("select length({v:String})", param_v="x" * 900_000) == "900000"
    assert engineer.http.request("GET", engineer.url + "?query=" + "x" * 3_000_000).status >= 400
    assert engineer.refusal("select 1", **{"x" * 10_000: 1}) == 115
    assert engineer.refusal("select 1", max_threads="x" * 100_000) in (6, 27, 36, 72)
    assert engineer.refusal("select 1", session_timeout="-1", session_id="x") == 36
    assert engineer.refusal("select 1", session_timeout="²", session_id="x") == 36
    assert engineer.refusal("select 1", query_id="a\r\nX-Evil: 1") == 36
    assert engineer.refusal("select 1", default_format="\r\nX-Evil: 1") == 36
    assert engineer.refusal("select 1", database="x`; drop database y") == 81
    assert engineer.refusal("select " + "(" * 100_000) in (62, 167, 306)
    assert engineer.refusal("select '" + "\\" * 99_999) == 62
    assert engineer.refusal("/*" * 100_000) == 62
    assert engineer.refusal(b"select '\xff\xfe'") == 62
    assert engineer.ask("select 1" + " " * (1 << 24)).status == 413


@pytest.mark.parametrize("seed", SEEDS)
def test_random_requests(engineer: Door, seed: int) -> None:
    """Good requests with bytes changed, left out and doubled."""
    dice = random.Random(seed)
    plain = post(b"Content-Length: 23\r\nAccept-Encoding: gzip\r\n", b"select 1 format JSON;;;",
                 b"/?max_threads=1&session_id=f")  # fmt: skip
    packed = lz4.frame.compress(b"insert into function null('n UInt8') format CSV\n1\n")
    lz4_body = post(b"Content-Encoding: lz4\r\nContent-Length: %d\r\n" % len(packed), packed)
    chunks = post(CHUNKED, b"7\r\nselect \r\n1\r\n1\r\n0\r\n\r\n", b"/?wait_end_of_query=1")
    for _ in range(12):
        request = bytearray(dice.choice([plain, lz4_body, chunks]))
        for _ in range(dice.randint(1, 6)):
            at = dice.randrange(len(request))
            change = dice.choice(["change", "leave out", "double"])
            if change == "change":
                request[at] = dice.randrange(256)
            elif change == "leave out":
                del request[at : at + dice.randint(1, 8)]
            else:
                request[at:at] = request[at : at + dice.randint(1, 40)]
        talk(engineer, bytes(request))
