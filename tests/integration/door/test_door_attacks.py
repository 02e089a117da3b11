"""A reader who means harm: everything is refused, nothing is read, nothing changes."""

import contextlib
import hashlib
import os
import re
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from doors import ROOT, Built, Door, Place

import clickward
from clickward.server.running import Running

SECRET = "the-sealed-word-7d1f"
ENCODED = {"content-encoding": "gzip"}
# Made of their arguments alone, or reading only what the reader may read anyway.
HARMLESS = {
    "SQLStandardValues", "values", "numbers", "numbers_mt", "primes", "generateRandom", "null",
    "generateSeries", "generate_series", "format", "fuzzJSON", "fuzzQuery", "zeros", "zeros_mt",
}  # fmt: skip


@dataclass(frozen=True)
class Outside:
    """What must not be reached: a file with a secret, and a port that counts who comes."""

    file: Path
    port: int
    visits: list[object]


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    file = tmp_path / "secret.csv"
    file.write_text(f"{SECRET}\n")
    visits: list[object] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def listen() -> None:
        while True:
            try:
                connection, address = listener.accept()
            except OSError:
                return
            visits.append(address)
            connection.close()

    threading.Thread(target=listen, daemon=True).start()
    yield Outside(file, listener.getsockname()[1], visits)
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def tree(*folders: Path) -> dict[str, str]:
    """Every file below, with the hash of what is in it."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("status", "__pycache__")
    }


def attacks(place: Place, outside: Outside) -> list[str]:
    """Queries that a reader must not get through with."""
    file, url = outside.file, f"http://127.0.0.1:{outside.port}/x.csv"
    mart = "clickward_marts.mart_publisher_daily"
    core = "clickward_core.installs"
    part = next(place.store.rglob("*.bin"))
    return [
        # Files of the machine.
        f"select * from file('{file}', 'LineAsString')",
        f"select * from FILE('{file}', CSV, 's String')",
        f"select * from `file`('{file}', 'LineAsString')",
        f'select * from "file"(\'{file}\', \'LineAsString\')',
        f"select/**/*/**/from/**/file/**/('{file}',/*x*/'LineAsString')",
        f"select * from -- file\nfile -- x\n('{file}', 'LineAsString')",
        f"select * from file('{file.parent}/../{file.parent.name}/*', 'LineAsString')",
        f"select * from file(concat('{file}', ''), 'LineAsString')",
        f"with f as (select * from file('{file}', 'LineAsString')) select * from f",
        f"select (select * from file('{file}', 'LineAsString'))",
        f"select * from view(select * from file('{file}', 'LineAsString'))",
        f"select * from viewIfPermitted(select file('{file}') else null('x String'))",
        f"select 1 in (select * from file('{file}', 'LineAsString'))",
        f"select * from {mart} union all select * from file('{file}', 'LineAsString')",
        f"describe table file('{file}')",
        f"describe file('{file}', 'CSV')",
        f"explain estimate select * from file('{file}', 'LineAsString')",
        f"select file('{file}')",
        f"select file('{file}', 'none') where file('/etc/shadow') = ''",
        f"select * apply file from (select '{file}' as s)",
        f"select arrayMap(p -> file(p), ['{file}'])",
        f"select file(unhex('{str(file).encode().hex()}'))",
        f"select * from eval('select file(''{file}'')') settings"
        " allow_experimental_eval_table_function = 1",
        "select file('/etc/passwd')",
        "select file('../../../../../../etc/passwd')",
        "select file('/proc/self/environ')",
        "select file('/proc/self/cmdline')",
        "select file('/proc/1/environ')",
        "select file('/proc/self/mem')",
        f"select file('{place.folder / '.clickward' / 'users.json'}')",
        f"select file('{place.folder / 'profiles' / 'profiles.yml'}')",
        f"select file('{part}')",
        f"select file('{Path.home() / '.profile'}')",
        f"select file('{ROOT / 'README.md'}')",
        f"select * from filesystem('{file.parent}')",
        f"select * from sqlite('{file}', 't')",
        f"select * from fileCluster('default', '{file}', 'LineAsString')",
        "select * from executable('cat /etc/passwd', TSV, 's String')",
        "select * from executable('x.py', TSV, 's String', (select 1))",
        # Other machines.
        f"select * from url('{url}', 'LineAsString')",
        f"select * from url('file://{file}', 'LineAsString')",
        f"select * from url('{url}', CSV, 's String', headers('a' = 'b'))",
        f"select * from urlCluster('default', '{url}', CSV, 's String')",
        f"select * from s3('http://127.0.0.1:{outside.port}/bucket/x.csv', 'CSV', 's String')",
        f"select * from s3('http://127.0.0.1:{outside.port}/bucket/x', NOSIGN, 'CSV', 's String')",
        f"select * from gcs('http://127.0.0.1:{outside.port}/bucket/x.csv', 'CSV', 's String')",
        f"select * from hdfs('hdfs://127.0.0.1:{outside.port}/x', 'CSV', 's String')",
        f"select * from remote('127.0.0.1:{outside.port}', 'system', 'one')",
        f"select * from remote('127.0.0.1:{outside.port}', system.one, 'default', '')",
        f"select * from remoteSecure('127.0.0.1:{outside.port}', system, one)",
        f"select * from mysql('127.0.0.1:{outside.port}', 'd', 't', 'u', 'p')",
        f"select * from postgresql('127.0.0.1:{outside.port}', 'd', 't', 'u', 'p')",
        f"select * from mongodb('127.0.0.1:{outside.port}', 'd', 't', 'u', 'p', 's String')",
        f"select * from redis('127.0.0.1:{outside.port}', 'k', 'k String, v String')",
        f"select * from odbc('http://127.0.0.1:{outside.port}', 'd', 't')",
        f"select * from jdbc('http://127.0.0.1:{outside.port}', 'd', 't')",
        f"select * from iceberg('http://127.0.0.1:{outside.port}/bucket/x', NOSIGN)",
        f"select * from deltaLake('http://127.0.0.1:{outside.port}/bucket/x', NOSIGN)",
        "select * from cluster('default', system.one)",
        # Python objects of the process.
        "select * from Python(engine)",
        "select * from Python('sessions')",
        "select * from python(connection)",
        # Dictionaries.
        "select * from dictionary('users')",
        "select dictGet('d', 'x', 1)",
        f"create dictionary clickward_marts.d (k UInt64, v String) primary key k"
        f" source(file(path '{file}' format 'CSV')) layout(flat()) lifetime(0)",
        "system reload dictionaries",
        # Out of and into files.
        f"select 1 into outfile '{file.parent}/out'",
        f"select 1 into outfile '{file}' truncate",
        f"select * from {mart} INTO\nOUTFILE '{file.parent}/out' append format CSV",
        f"select 1 into/**/outfile '{file.parent}/out' compression 'gzip'",
        f"select 1 into outfile '{file.parent}/out' and stdout",
        "select 1 into outfile '/dev/fd/1'",
        f"insert into {mart} from infile '{file}' format CSV",
        f"insert into {mart} from infile '{file}' compression 'none' format CSV",
        f"insert into function file('{file.parent}/out', 'CSV', 's String') values ('x')",
        f"insert into function url('{url}', 'CSV', 's String') values ('x')",
        "insert into function null('x UInt8') values (1)",
        # Settings.
        "set max_memory_usage = 1",
        "set readonly = 0",
        "SET/**/allow_ddl = 1",
        "set profile = 'default'",
        "select 1 settings readonly = 0",
        "select 1 settings readonly = 1, max_execution_time = 0",
        "select 1 settings max_memory_usage = 0",
        "select 1 settings allow_introspection_functions = 1",
        "select 1 settings format_schema = '/etc/passwd:x'",
        "select 1 settings format_template_row = '/etc/passwd' format Template",
        "select 1 settings dialect = 'prql'",
        "select addressToLine(1)",
        # Several statements.
        "select 1; select 2",
        f"select 1; drop table {mart}",
        "select 1;\n\n-- x\n;set readonly = 0",
        f"select 1 format TSV; insert into {mart} select * from {mart}",
        # Writing.
        f"insert into {mart} select * from {mart}",
        f"insert into {mart} (publisher) values ('x')",
        f"insert into {mart} format JSONEachRow {{}}",
        f"drop table {mart}",
        f"truncate table {mart}",
        f"alter table {mart} delete where 1",
        f"alter table {mart} freeze",
        f"delete from {mart} where 1",
        f"update {mart} set publisher = '' where 1",
        f"optimize table {mart} final",
        f"rename table {mart} to clickward_marts.x",
        f"detach table {mart}",
        "create table clickward_marts.x (n UInt8) engine Memory",
        "create temporary table x (n UInt8)",
        f"create table clickward_marts.x (s String) engine File(CSV, '{file}')",
        f"create table clickward_marts.x (s String) engine URL('{url}', CSV)",
        f"create view clickward_marts.v as select * from {core}",
        "create database x",
        "create function f as x -> x",
        f"attach database x engine = Lazy('{place.store}')",
        "drop database clickward_marts",
        "create user mallory",
        "grant all on *.* to default",
        "create row policy p on system.parts using 1 to all",
        "create named collection n as a = 'b'",
        f"backup database clickward_marts to File('{file.parent}/b')",
        f"restore database clickward_marts from File('{file.parent}/b')",
        "use system",
        "system shutdown",
        "system flush logs",
        "kill query where 1",
        "execute as default select 1",
        # Other databases.
        f"select * from {core}",
        "select * from clickward_raw.hash_key",
        "select * from merge('clickward_core', '.*')",
        "select * from merge('.*', 'hash_key')",
        "select * from loop(clickward_raw, hash_key)",
        "select * from information_schema.tables",
        # System tables that tell.
        *(
            f"select * from system.{table}"
            for table in (
                "users", "grants", "roles", "row_policies", "quotas", "settings_profiles",
                "parts", "parts_columns", "disks", "storage_policies", "server_settings",
                "named_collections", "user_processes", "query_cache", "mutations", "merges",
                "detached_parts", "errors", "metrics", "asynchronous_metrics", "stack_trace",
                "clusters", "zookeeper", "backups", "query_log", "text_log", "user_directories",
            )
        ),
        "select * from loop(system, parts)",
        "select * from merge('system', 'parts|users')",
        "select * from view(select * from system.parts)",
        "select * from viewIfPermitted(select path from system.parts else null('path String'))",
        "select * from mergeTreeIndex('clickward_core', 'installs')",
        "show create user default",
        "show create database clickward_core",
        "show access",
    ]  # fmt: skip


def test_no_attack_gets_through(built: Built, reader: Door, outside: Outside) -> None:
    queries = attacks(built.local, outside)
    assert len(set(queries)) == len(queries) >= 60
    folders = (built.local.store, built.local.folder / "store-published", outside.file.parent)
    before = tree(*folders)
    shown = reader.ask("show tables from clickward_marts").data
    through = []
    for query in queries:
        for ask in (
            lambda: reader.ask(query),  # noqa: B023
            lambda: reader.request("GET", query=query),  # noqa: B023
            lambda: reader.ask("/*\n*/" + query, wait_end_of_query=1),  # noqa: B023
        ):
            answer = ask()
            if answer.status < 400 or "X-ClickHouse-Exception-Code" not in answer.headers:
                through.append((query, answer.data[:200]))
            assert SECRET.encode() not in answer.data
    assert through == [], through
    assert outside.visits == []
    assert tree(*folders) == before
    assert reader.ask("show tables from clickward_marts").data == shown


def test_every_table_function_is_refused_or_harmless(
    built: Built, reader: Door, outside: Outside
) -> None:
    names = reader.value("select name from system.table_functions order by name").splitlines()
    assert len(names) > 60
    assert set(names) >= HARMLESS
    place = f"127.0.0.1:{outside.port}"
    arguments = [
        "", f"'{outside.file}'", f"'http://{place}/b/x', 'CSV', 's String'",
        f"'{outside.file}', 'LineAsString'", f"'{place}', 'd', 't', 'u', 'p'",
        "'default', 'system', 'parts'", "system, parts", "select * from system.parts",
        "'clickward_raw.hash_key'",
    ]  # fmt: skip
    through = [
        (name, given)
        for name in names
        if name not in HARMLESS
        for given in arguments
        if reader.ask(f"select * from {name}({given}) limit 1", max_execution_time=5).status < 400
    ]
    assert through == [], through
    assert outside.visits == []


def test_encodings_of_the_same_words(reader: Door, outside: Outside) -> None:
    import gzip

    query = f"select * from file('{outside.file}', 'LineAsString')"
    escaped = query.replace("'", "\\'")
    answers = [
        reader.ask(gzip.compress(query.encode()), headers=ENCODED),
        reader.ask(query.encode("utf-16")),
        reader.ask(b"\xef\xbb\xbf" + query.encode()),
        reader.ask(b"\0" + query.encode()),
        reader.ask(query.replace("file", "fi\u200ble")),
        reader.ask(query.replace("file", "\uff46ile")),
        reader.ask(query.replace("select", "select\u00a0")),
        reader.ask("query=" + query, headers={"content-type": "application/x-www-form-urlencoded"}),
        reader.ask(query[7:], query="select"),
        reader.ask("select {q:String} from nothing", param_q=query),
        reader.ask("select * from {f:Identifier}('x')", param_f="file"),
        reader.ask("select * from {t:Identifier}", param_t="system.users"),
        reader.ask("select 1", database="clickward_core"),
        reader.ask("select 1", default_format="Template", format_template_row="/etc/passwd"),
        reader.ask("select 1", default_format=f"CSV into outfile '{escaped}'"),
        reader.ask("select 1", readonly=0),
        reader.ask("select 1", **{"max_threads = 1, readonly": "0"}),
        reader.ask("select 1", max_threads="1, readonly = 0"),
        reader.ask("select 1", session_id="a", readonly=2),
        reader.ask("select 1", role="admin"),
        reader.ask("select 1", log_queries="1; drop table x"),
    ]
    assert [answer.data[:100] for answer in answers if answer.status < 400] == []
    assert all(SECRET.encode() not in answer.data for answer in answers)
    assert reader.value("select 1") == "1"


def test_readers_have_no_function_that_reads_files(reader: Door) -> None:
    """Of the program's own, which the fence lets through: only the front can refuse it."""
    path = clickward.__file__
    quoted = f"\\'{path}\\'"
    json = """'{"a":"x"}'"""
    structure = f"'a String, b String alias file({quoted})'"
    queries = [
        f"select file('{path}')", f"select `file`('{path}')", f"select \"file\" ('{path}')",
        f"select \u201cfile\u201d('{path}')", f"select \"fi\\x6ce\"('{path}')",
        f"select file/*('*/('{path}')", f"select file -- x\n('{path}')",
        f"select file\u00a0('{path}')", f"select $$'$$, file('{path}')",
        f"select \u2018'\u2019, file('{path}'), ''",
        f"select * apply file from (select '{path}' as s)",
        f"select * apply(`file`) from (select '{path}' as s)",
        f"select * apply(x -> file(x)) from (select '{path}' as s)",
        f"select columns('s') apply(\u201cfile\u201d) from (select '{path}' as s)",
        f"select * replace(file(s) as s) from (select '{path}' as s)",
        f"select arrayMap(file, ['{path}'])", f"select arrayMin((file), ['{path}'])",
        f"select arrayMap(file as f, ['{path}'])", f"select arrayMap({{f:Identifier}}, ['{path}'])",
        f"select 1 order by file('{path}')", f"explain syntax select file('{path}')",
        f"with x -> file(x) as f select f('{path}')", f"select * from values((file('{path}'), 1))",
        f"select * from format(JSONEachRow, 'a String, b String default file({quoted})', {json})",
        f"select b from format(JSONEachRow, {structure}, {json})",
        f"select b from values({structure}, ('x'))", f"select b from values(({structure}), ('x'))",
        f"with {structure} as s select b from values(s, ('x'))",
        "select b from values({s:String}, ('x'))",
        f"select b from generateRandom({structure}) limit 1",
        f"select b from generateRandom(concat({structure}, '')) limit 1",
        f"select * from format(Values, 'b String', '(file({quoted}))')",
    ]  # fmt: skip
    values = {"param_f": "file", "param_s": f"a String, b String alias file('{path}')"}
    form = {"content-type": "multipart/form-data; boundary=b"}
    through = []
    for query in queries:
        field = f'--b\r\nContent-Disposition: form-data; name="query"\r\n\r\n{query}\r\n--b--\r\n'
        answers = [
            reader.ask(query, **values),
            reader.request("GET", query=query, **values),
            reader.ask(field.encode(), headers=form, **values),
        ]
        through += [(query, answer.data[:80]) for answer in answers if answer.status < 400]
        assert b"Door" not in b"".join(answer.data for answer in answers)
    assert through == []
    assert reader.refusal(f"select file('{path}')") == 497


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("select 'file(1)', file -- file(\nfrom (select 2 as file)", "file(1)\t2"),
        ("select file.file as `file` from (select 1 as file) as file group by file", "1"),
        ("with file as (select 1 as a) select a /* file( */ from file", "1"),
        ("select concat(file, splitByChar(',', file)[1]) from (select 'a,b' as file)", "a,ba"),
        ("select arraySum(x -> x + file, [1, 2]) from (select 3 as file)", "9"),
        ("select format('{} alias file(', 'x')", "x alias file("),
        ("select a from values('a String, b UInt8', ('x', 1))", "x"),
        ("select {file:String}", "file("),
    ],
)  # fmt: skip
def test_the_word_file_stays_usable(reader: Door, query: str, result: str) -> None:
    assert reader.value(query, param_file="file(") == result


def test_no_function_takes_file_by_its_name(reader: Door) -> None:
    """Whatever functions of higher order this engine has."""
    path = clickward.__file__
    names = reader.value("select name from system.functions where not is_aggregate").splitlines()
    assert len(names) > 1000
    told = [
        name
        for name in names
        if re.match("(?i)array|map|.*(fold|apply|sort|filter)", name)
        for rest in (f"['{path}']", f"['{path}'], ['x']", f"1, ['{path}']", f"map('{path}', 'x')")
        if b"Door" in reader.ask(f"select {name}(file, {rest})").data
        or reader.ask(f"select {name}(file, {rest})").status < 400
    ]
    assert told == []


def test_a_session_is_its_user_s_own(reader: Door) -> None:
    assert reader.value("select 1", "ana", session_id="private", max_threads=3) == "1"
    assert reader.value("select 1", "ana", session_id="private", session_check=1) == "1"
    assert reader.refusal("select 1", "ben", session_id="private", session_check=1) == 372
    for name in ("ana private", "anna", "ana'"):
        assert reader.refusal("select 1", name, session_id="private", session_check=1) == 516


def test_nobody_sees_or_stops_the_queries_of_others(reader: Door) -> None:
    marker = "of-ana-alone"
    slow = threading.Thread(
        target=lambda: reader.ask(f"select sleep(2), '{marker}'", "ana", query_id=marker)
    )
    slow.start()
    try:
        seen = reader.ask("select * from system.processes format JSONEachRow", "ben").data
        assert marker.encode() not in seen
        again = reader.ask(
            "select * from system.processes settings log_comment = 'x'", "ben", log_comment="x"
        )
        assert again.status >= 400
        assert marker.encode() not in again.data
        assert reader.refusal(f"kill query where query_id = '{marker}'", "ben") == 497
        assert slow.is_alive()
    finally:
        slow.join()


@pytest.mark.skipif(sys.platform != "linux", reason="pipes have paths under Linux's /proc only")
def test_the_pipe_of_a_result_is_no_file_that_others_read() -> None:
    def work(file: int) -> None:
        Path(f"/proc/self/fd/{file}").write_bytes(b"written by path")
        with contextlib.suppress(PermissionError):
            Path(f"/proc/self/fd/{file}").open("rb", buffering=0).close()
            os.write(file, b", and open to read")

    here, there = socket.socketpair()
    with here:
        child = os.fork()
        if not child:
            # A process of its own: root opens whatever it likes.
            if os.getuid() == 0:
                os.setuid(65534)
            Running(there, {}, lambda: None).send(work)
            os._exit(0)
        there.close()
        sent = b"".join(iter(lambda: here.recv(4096), b""))
        os.waitpid(child, 0)
    assert sent.endswith(b"written by path")
