"""The protocol, byte for byte: what ClickHouse's HTTP interface takes and gives."""

import bz2
import gzip
import json
import lzma
import socket
import threading
import time
import zlib

import lz4.frame
import polars as pl
import psutil
import pytest
from doors import Built, Door, engine_of, until

from clickward.server.blocks import BlockReader, BlockWriter, zstd

UNPACK = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "zstd": zstd.decompress,
    "lz4": lz4.frame.decompress,
    "xz": lzma.decompress,
    "bz2": bz2.decompress,
}
PACK = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
    "lz4": lz4.frame.compress,
    "xz": lzma.compress,
    "bz2": bz2.compress,
}
NUMBERS = "".join(f"{n}\n" for n in range(100_000)).encode()


def test_it_says_that_it_lives(reader: Door) -> None:
    for path in ("ping", ""):
        answer = reader.http.request("GET", reader.url + path, headers={
            "X-ClickHouse-User": "ana", "X-ClickHouse-Key": "reads-marts"})  # fmt: skip
        assert (answer.status, answer.data) == (200, b"Ok.\n")
    assert reader.http.request("GET", reader.url + "ping").status == 200
    assert reader.http.request("GET", reader.url).status == 403
    assert reader.request("PUT", "select 1").status == 405
    assert reader.http.request("GET", reader.url + "play").status == 404


def test_a_query_stands_in_the_address_in_the_body_or_in_both(engineer: Door) -> None:
    assert engineer.request("GET", query="select 1").data == b"1\n"
    assert engineer.ask("select 2").data == b"2\n"
    assert engineer.ask("+ 3", query="select 4").data == b"7\n"
    basic = {"authorization": "Basic " + "ZW5nOm1heS1kby1hbGw="}
    answer = engineer.http.request("GET", engineer.url + "?query=select%205", headers=basic)
    assert answer.data == b"5\n"
    address = f"{engineer.url}?query=select%206&user=eng&password=may-do-all"
    assert engineer.http.request("GET", address).data == b"6\n"
    form = engineer.http.request(
        "POST", f"{engineer.url}?query=select%20{{n:UInt8}}", fields={"param_n": "7"}, headers=basic
    )
    assert form.data == b"7\n"


def test_get_does_not_write(engineer: Door, scratch: str) -> None:
    answer = engineer.request("GET", query=f"create table {scratch}.t (n Int8) engine Memory")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "164"
    assert engineer.value(f"exists table {scratch}.t") == "0"


@pytest.mark.parametrize("encoding", PACK)
def test_bodies_are_compressed_both_ways(engineer: Door, scratch: str, encoding: str) -> None:
    engineer.value(f"create table {scratch}.t (n UInt64) engine Memory")
    packed = PACK[encoding](f"insert into {scratch}.t format TSV\n".encode() + NUMBERS)
    headers = {"content-encoding": encoding}
    answer = engineer.ask(packed, headers=headers)
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "100000"
    answer = engineer.request(
        "POST", f"select n from {scratch}.t order by n", headers={"accept-encoding": encoding},
        preload_content=False, enable_http_compression=1,
    )  # fmt: skip
    assert answer.headers["content-encoding"] == encoding
    assert UNPACK[encoding](answer.read(decode_content=False)) == NUMBERS
    # A client that did not say so gets it plain, as from ClickHouse.
    plain = engineer.ask("select 1", headers={"accept-encoding": encoding})
    assert "content-encoding" not in plain.headers


def test_native_blocks_both_ways(engineer: Door, scratch: str) -> None:
    engineer.value(f"create table {scratch}.t (n UInt64) engine Memory")
    body = BlockWriter().compress(NUMBERS)
    engineer.value(body, query=f"insert into {scratch}.t format TSV", decompress=1)
    packed = engineer.ask(f"select n from {scratch}.t order by n", compress=1).data
    reading = BlockReader()
    assert b"".join(reading.feed(packed)) == NUMBERS
    reading.finish()


def test_chunked_inserts_come_as_they_come(engineer: Door, scratch: str) -> None:
    engineer.value(f"create table {scratch}.t (n UInt64, s String) engine Memory")

    def pieces():
        yield f"insert into {scratch}.t settings max_insert_block_size = 10 for".encode()
        yield b"mat CSV\n1,"
        yield b'"a\nb"\n2,"c'
        yield b'"\n'

    engineer.value(pieces())
    assert engineer.ask(f"select * from {scratch}.t order by n format CSV").data == (
        b'1,"a\nb"\n2,"c"\n'
    )
    engineer.value(f"insert into {scratch}.t values (3, 'format'), (4, ');--')")
    engineer.value("(5, 'x')", query=f"insert into {scratch}.t (n, s) values")
    engineer.value(f"insert into {scratch}.t select n + 10, s from {scratch}.t")
    engineer.value(f"insert into {scratch}.t select * from values('n UInt64, s String', (9, 'v'))")
    assert engineer.value(f"select sum(n) from {scratch}.t") == str(15 + 65 + 9)


def test_a_broken_insert_leaves_an_error(engineer: Door, scratch: str) -> None:
    engineer.value(f"create table {scratch}.t (n UInt64) engine MergeTree order by n")
    assert engineer.refusal(f"insert into {scratch}.t format CSV\n1\nx\n") == 117
    assert engineer.refusal(f"insert into {scratch}.none values (1)") == 60
    assert engineer.refusal(f"insert into {scratch}.t format Nonsense\n1\n") == 73
    assert engineer.value(f"select count() from {scratch}.t") == "0"


@pytest.mark.parametrize(
    ("named", "expected", "content_type"),
    [
        ("TSV", b"0\n1\n", "text/tab-separated-values; charset=UTF-8"),
        ("CSVWithNames", b'"number"\n0\n1\n', "text/csv; charset=UTF-8; header=present"),
        ("JSONEachRow", b'{"number":0}\n{"number":1}\n', "application/x-ndjson; charset=UTF-8"),
        ("JSONCompactColumns", b"[\n\t[0, 1]\n]\n", "text/plain; charset=UTF-8"),
        ("Values", b"(0),(1)", "text/plain; charset=UTF-8"),
        ("Markdown", b"| number |\n|-:|\n| 0 |\n| 1 |\n", "text/plain; charset=UTF-8"),
    ],
)
def test_formats_by_word_address_and_header(
    reader: Door, named: str, expected: bytes, content_type: str
) -> None:
    query = "select number from numbers(2)"
    for answer in (
        reader.ask(f"{query} format {named}"),
        reader.ask(f"{query} settings max_threads = 1 format {named};"),
        reader.ask(query, default_format=named),
        reader.ask(query, headers={"X-ClickHouse-Format": named}),
    ):
        assert answer.data == expected
        assert answer.headers["X-ClickHouse-Format"] == named
        assert answer.headers["Content-Type"] == content_type


def test_binary_formats(reader: Door) -> None:
    query = "select number as n from numbers(5)"
    assert pl.read_parquet(reader.ask(f"{query} format Parquet").data)["n"].to_list() == [*range(5)]
    stream = reader.ask(query, default_format="ArrowStream").data
    assert pl.read_ipc_stream(stream)["n"].to_list() == [*range(5)]
    whole = json.loads(reader.ask(f"{query} format JSON").data)
    assert (whole["rows"], whole["statistics"]["rows_read"]) == (5, 5)


def test_words_that_only_look_like_a_format(reader: Door) -> None:
    assert reader.ask("select 'format JSON' as format -- format CSV").data == b"format JSON\n"
    assert reader.ask("select format('{}', 1) /* into outfile 'x' */ format CSV").data == b'"1"\n'
    assert reader.ask("with 1 as format select format").data == b"1\n"
    assert reader.ask("show tables from clickward_marts like 'mart_p%'").data == (
        b"mart_publisher_daily\n"
    )
    assert reader.ask("exists table clickward_marts.mart_publisher_daily").data == b"1\n"
    assert b"publisher" in reader.ask("describe clickward_marts.mart_publisher_daily").data
    assert b"ReadFrom" in reader.ask("explain select * from mart_publisher_daily").data


def test_headers_of_an_answer(reader: Door) -> None:
    answer = reader.ask("select count() from numbers(10)", query_id="mine", max_threads=1)
    assert answer.headers["X-ClickHouse-Query-Id"] == "mine"
    assert answer.headers["X-ClickHouse-Timezone"]
    assert answer.headers["X-ClickHouse-Format"] == "TabSeparated"
    summary = json.loads(answer.headers["X-ClickHouse-Summary"])
    assert summary["read_rows"] == "10"
    assert int(summary["elapsed_ns"]) > 0
    tokyo = reader.ask("select toDateTime(0)", session_timezone="Asia/Tokyo")
    assert tokyo.data == b"1970-01-01 09:00:00\n"
    assert tokyo.headers["X-ClickHouse-Timezone"] == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("query", "code", "status"),
    [
        ("selekt 1", 62, 400),
        ("select nothing", 47, 404),
        ("select * from no_such_table", 60, 404),
        ("select throwIf(1)", 395, 500),
        ("select 1 settings no_such_setting = 1", 115, 404),
        ("select {x:UInt8}", 456, 400),
        ("", 62, 400),
        ("-- nothing", 62, 400),
        ("select 1; select 2", 62, 400),
        ("select toUInt8('x')", 6, 400),
    ],
)
def test_errors_have_code_status_and_text(reader: Door, query: str, code: int, status: int) -> None:
    answer = reader.ask(query)
    assert answer.headers["X-ClickHouse-Exception-Code"] == str(code), answer.data
    assert answer.status == status
    assert answer.data.startswith(f"Code: {code}. DB::".encode())
    assert b"(version 26." in answer.data


def test_an_error_within_a_result_is_marked(reader: Door) -> None:
    query = "select throwIf(number = 50000), repeat('x', 99) from numbers(100000)"
    answer = reader.ask(query, max_block_size=1000, max_threads=1)
    assert answer.status == 200
    tag = answer.headers["X-ClickHouse-Exception-Tag"].encode()
    assert b"\r\n__exception__\r\n" + tag in answer.data
    assert b"Code: 395" in answer.data
    whole = reader.ask(query, max_block_size=1000, max_threads=1, wait_end_of_query=1)
    assert (whole.status, whole.headers["X-ClickHouse-Exception-Code"]) == (500, "395")


def test_a_session_keeps_settings_and_tables(engineer: Door) -> None:
    engineer.value("set max_threads = 7", session_id="s")
    assert engineer.value("select getSetting('max_threads')", session_id="s") == "7"
    assert engineer.value("select getSetting('max_threads')", session_id="t") != "7"
    assert engineer.value("select getSetting('max_threads')") != "7"
    lent = engineer.value("select getSetting('max_threads')", session_id="s", max_threads=2)
    assert lent == "2"
    assert engineer.value("select getSetting('max_threads')", session_id="s") == "7"
    engineer.value("create temporary table mine (n UInt8)", session_id="s")
    engineer.value("insert into mine values (1)", session_id="s")
    assert engineer.value("select n from mine", session_id="s") == "1"
    assert engineer.refusal("select n from mine") == 60
    assert engineer.refusal("select 1", session_id="unknown", session_check=1) == 372
    engineer.value("use system", session_id="s")
    assert engineer.value("select currentDatabase()", session_id="s") == "system"
    engineer.value("select 1", session_id="short", session_timeout=1)
    time.sleep(1.2)
    assert engineer.refusal("select 1", session_id="short", session_check=1) == 372


def test_a_session_takes_one_query_at_a_time(engineer: Door) -> None:
    slow = threading.Thread(
        target=lambda: engineer.ask("select sleep(1)", session_id="busy")
    )  # fmt: skip
    slow.start()
    time.sleep(0.5)
    assert engineer.refusal("select 1", session_id="busy") == 373
    slow.join()
    assert engineer.value("select 1", session_id="busy") == "1"


def running(engineer: Door, marker: str) -> int:
    return int(
        engineer.value(
            "select count() from system.processes where query like {m:String}"
            " and query not like '%system.processes%'",
            param_m=f"%{marker}%",
        )
    )


@pytest.mark.parametrize(
    "query",
    [
        "select /* gone1 */ sum(sipHash64(number)) from numbers(1000000000000)",
        "select number, repeat('gone1', 100) from numbers(1000000000000)",
        "insert into {scratch}.t select /* gone1 */ sleepEachRow(0.1) from numbers(1000000)"
        " settings max_block_size = 1",
    ],
    ids=["silent", "streaming", "writing"],
)
def test_a_query_ends_when_its_client_goes(engineer: Door, scratch: str, query: str) -> None:
    engineer.value(f"create table {scratch}.t (n UInt64) engine Memory")
    text = query.format(scratch=scratch).encode()
    with socket.create_connection((engineer.host, engineer.port)) as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nX-ClickHouse-User: eng\r\n"
            b"X-ClickHouse-Key: may-do-all\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text)
        )
        until(lambda: running(engineer, "gone1") == 1)
    assert until(lambda: running(engineer, "gone1") == 0) < 5


def test_limits_of_time_and_memory(engineer: Door) -> None:
    forever = "select sum(sipHash64(number)) from numbers(1000000000000)"
    began = time.monotonic()
    assert engineer.refusal(forever, max_execution_time=1) == 159
    assert time.monotonic() - began < 5
    hungry = "select length(groupArray(number)) from numbers(100000000)"
    assert engineer.refusal(hungry, max_memory_usage=50_000_000) == 241
    assert engineer.value("select 1") == "1"


def test_a_reader_cannot_raise_the_limits(reader: Door) -> None:
    for setting in ("max_execution_time", "max_memory_usage"):
        most = int(reader.value(f"select toUInt64(getSetting('{setting}'))"))
        assert most > 1
        assert reader.refusal("select 1", **{setting: most + 1}) == 452
        assert reader.refusal("select 1", **{setting: 0}) == 452
        assert reader.refusal(f"select 1 settings {setting} = {most + 1}") == 452
    assert reader.refusal("select sum(number) from numbers(1e13)", max_execution_time=1) == 159


def test_a_streamed_result_takes_no_memory(built: Built, engineer: Door) -> None:
    """320 MB to a reader that is slower than the engine."""
    processes = (engine_of(built.served.store), psutil.Process(engineer.process.pid))
    engineer.ask("select number, repeat('x', 56) from numbers(1000000)")
    before = [process.memory_info().rss for process in processes]
    most = before
    answer = engineer.request(
        "POST", "select repeat('x', 63) from numbers(5000000)", preload_content=False
    )
    size = 0
    for n, piece in enumerate(answer.stream(1 << 20)):
        size += len(piece)
        if n % 50 == 0:
            time.sleep(0.02)
            now = [process.memory_info().rss for process in processes]
            most = [max(pair) for pair in zip(most, now, strict=True)]
    assert size == 320_000_000
    grown = [(new - old) >> 20 for new, old in zip(most, before, strict=True)]
    assert max(grown) < 100, grown
