"""What one reader cannot do to the others: end the engine, raise its limits, hold every place."""

import shutil
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
import urllib3
from doors import PASSWORDS, ROOT, Built, Door, Place, engine_of, serving, until

from clickward.server.publication import Publications
from clickward.server.roles import Role
from clickward.server.settings import BOUNDED, changeable
from clickward.server.users import Users

DEEP = 200_000
# More work, more depth, or a way around a limit, each in three ways.
RAISED = {
    "max_parser_depth": "10000000", "max_parser_backtracks": "1000000000", "max_ast_depth": "0",
    "max_ast_elements": "100000000", "max_expanded_ast_elements": "100000000",
    "max_query_size": "1000000000", "max_subquery_depth": "100000",
    "max_recursive_cte_evaluation_depth": "1000000000",
    "query_plan_max_optimizations_to_apply": "100000000",
    "max_memory_usage": "0", "max_execution_time": "0", "max_threads": "100000",
    "max_block_size": "1000000000", "max_memory_usage_for_user": "12345",
    "max_bytes_before_external_sort": "1",
    "max_temporary_data_on_disk_size_for_query": "12345", "readonly": "0", "implicit_select": "1",
    "allow_ddl": "0", "allow_introspection_functions": "1", "dialect": "prql",
    "memory_overcommit_ratio_denominator": "1", "use_query_cache": "1", "priority": "1",
    "query_profiler_real_time_period_ns": "1", "max_untracked_memory": "1000000000000",
    "format_schema": "/etc/passwd:x", "format_template_row": "/etc/passwd",
    "input_format_record_errors_file_path": "/etc/passwd", "format_regexp": "(a*)*",
    "format_avro_schema_registry_url": "http://127.0.0.1:1/", "os_thread_priority": "19",
    "max_rand_distribution_trials": "2000000000", "function_sleep_max_microseconds_per_block": "0",
    "function_range_max_elements_in_block": "100000000000", "storage_file_read_method": "read",
    "timeout_before_checking_execution_speed": "100000", "output_format_image_width": "1000000",
}  # fmt: skip


def test_no_limit_can_be_raised(reader: Door) -> None:
    known = set(reader.value("select name from system.settings").splitlines())
    through = []
    for name, value in RAISED.items():
        assert name in known, name
        assert reader.value(f"select toString(getSetting('{name}'))") != value, name
        answers = [
            reader.ask("select 1", **{name: value}),
            reader.ask(f"select 1 settings {name} = '{value}'"),
            reader.ask("select 1", session_id="raising", **{name: value}),
            reader.ask(f"set {name} = '{value}'"),
            reader.ask(f"set {name} = '{value}'", session_id="raising"),
        ]
        through += [(name, at) for at, answer in enumerate(answers) if answer.status < 400]
        # Within a subquery the engine does not refuse, but keeps to the limit.
        held = reader.ask(
            f"select * from (select getSetting('{name}') settings {name} = '{value}')"
        )
        if held.status < 400 and held.data.decode().strip() == value:
            through.append((name, "subquery"))
    assert through == []
    assert reader.value("select getSetting('max_parser_depth')", session_id="raising") == "1000"


def test_only_what_is_listed_may_be_set(reader: Door) -> None:
    """By the engine's word on every setting it has, not by trying each."""
    rows = reader.value("select name, alias_for from system.settings where readonly = 0 format TSV")
    free = {line.split("\t")[0] for line in rows.splitlines() if not line.split("\t")[1]}
    names = set(reader.value("select name from system.settings").splitlines())
    assert changeable() <= names
    assert free <= changeable() | set(BOUNDED) | {"max_memory_usage", "max_execution_time"}


def test_harmless_settings_may_be_set(reader: Door) -> None:
    assert reader.value("select 1 format CSV", format_csv_delimiter=";") == "1"
    assert reader.value("select 1, 2 format CSV settings format_csv_delimiter = ';'") == "1;2"
    query = "select toInt64(1) as n format JSONEachRow"
    assert reader.value(query, output_format_json_quote_64bit_integers=1) == '{"n":"1"}'
    assert reader.value("select toHour(toDateTime(0))", session_timezone="Asia/Tokyo") == "9"
    assert reader.refusal("select count() from numbers(1000)", max_rows_to_read=10) == 158
    assert reader.value("select getSetting('max_threads')", max_threads=3) == "3"


@pytest.mark.parametrize("word", ["not ", "(", "1+("])
def test_deep_queries_end_nothing(built: Built, reader: Door, word: str) -> None:
    engine = engine_of(Publications(built.local.store, "clickward").current() / "store")
    query = f"select {word * DEEP}1" + ")" * DEEP * word.count("(")
    assert reader.ask(query).status >= 400
    assert reader.ask(query, max_parser_depth=10_000_000, max_ast_depth=0).status >= 400
    assert reader.ask(f"{query} settings max_parser_depth = 10000000").status >= 400
    assert reader.value("select 1") == "1"
    assert engine.is_running()


def test_an_engine_that_no_longer_answers_is_replaced(built: Built, engineer: Door) -> None:
    """An engineer may raise the parser's limits, and so end the engine within a living process."""
    before = engine_of(built.served.store)
    engineer.ask("select " + "not " * DEEP + "1", max_parser_depth=10_000_000, max_ast_depth=0)
    # The query is lost, and with it at most the process; nobody has to restart anything.
    until(lambda: [engineer.ask("select 1").data for _ in range(3)] == [b"1\n"] * 3, 60)
    assert before.pid == engine_of(built.served.store).pid or not before.is_running()


def test_the_mark_by_which_a_query_is_stopped_stays(reader: Door, engineer: Door) -> None:
    for door in (reader, engineer):
        for query in (
            "select sleep(3) settings log_comment = 'x'",
            "select * from (select sleep(3) settings max_threads = 1, log_comment = 'x')",
        ):
            assert door.refusal(query) == 164
        assert door.value("select 1 as log_comment where log_comment = 1") == "1"


def test_queries_of_too_many_tables_are_refused(built: Built, reader: Door) -> None:
    engine = engine_of(Publications(built.local.store, "clickward").current() / "store")
    cross = "select count() from system.one t0"
    for word in (" cross join", ","):
        joined = [f"{word} system.one t{n}" for n in range(1, 5001)]
        assert reader.refusal(cross + "".join(joined)) == 396
        assert reader.value(cross + "".join(joined[:300])) == "1"
    aliases = "".join(f", a{n} + 1 as a{n + 1}" for n in range(100_000))
    assert reader.refusal(f"select 1 as a0{aliases}") == 396
    assert reader.value(f"select length('{'x' * 250_000}')") == "250000"
    assert engine.is_running()


def test_one_query_too_many_may_come_again(reader: Door) -> None:
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(reader.ask("select sleep(2)")))
        for _ in range(60)
    ]
    reader.http.clear()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = [answer for answer in answers if answer.status != 200]
    assert len(answers) - len(refused) >= 50
    assert {answer.status for answer in refused} == {503}
    assert {answer.headers["X-ClickHouse-Exception-Code"] for answer in refused} == {"202"}
    assert {answer.headers["Retry-After"] for answer in refused} == {"1"}


def test_slow_bodies_hold_no_place(reader: Door) -> None:
    login = f"X-ClickHouse-User: ana\r\nX-ClickHouse-Key: {PASSWORDS['ana']}\r\n"
    slow = []
    try:
        for _ in range(60):
            one = socket.create_connection((reader.host, reader.port))
            one.sendall(f"POST / HTTP/1.1\r\nHost: x\r\n{login}Content-Length: 8\r\n\r\n".encode())
            one.sendall(b"sele")
            slow.append(one)
        assert [reader.value("select 1") for _ in range(5)] == ["1"] * 5
        slow[0].sendall(b"ct 1")
        assert b" 200 " in slow[0].recv(100)
    finally:
        for one in slow:
            one.close()


def test_a_file_in_a_form_is_refused_at_once(reader: Door) -> None:
    login = f"X-ClickHouse-User: ana\r\nX-ClickHouse-Key: {PASSWORDS['ana']}\r\n"
    with socket.create_connection((reader.host, reader.port), timeout=30) as one:
        one.sendall(
            f"POST /?query=select%201 HTTP/1.1\r\nHost: x\r\n{login}"
            "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 400000000\r\n\r\n"
            '--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'.encode()
        )
        one.sendall(b"x" * 1000)
        # Refused while all but the first thousand bytes are still to come.
        assert b" 501 " in one.recv(1000)
    fields = "".join(
        f'--b\r\nContent-Disposition: form-data; name="param_{n}"\r\n\r\n{"x" * 1_000_000}\r\n'
        for n in range(20)
    )
    form = {"content-type": "multipart/form-data; boundary=b"}
    answer = reader.ask(f"{fields}--b--\r\n", headers=form, query="select 1")
    assert answer.status == 413


def test_paths_of_the_host_are_not_told(built: Built, reader: Door) -> None:
    hidden = {str(built.local.folder), str(built.local.folder.resolve()), sys.prefix, str(ROOT)}
    names = ("path", "user_files_path", "format_schema_path", "tmp_path", "users_config")
    answers = [
        reader.ask(query).data.decode(errors="replace")
        for query in (
            *(f"select getServerSetting('{name}')" for name in names),
            "select * from system.databases format JSONEachRow",
            "select * from system.tables format JSONEachRow",
            "select * from system.columns limit 1000 format JSONEachRow",
            "select * from system.settings format JSONEachRow",
            "select * from system.build_options format JSONEachRow",
            "select * from system.processes format JSONEachRow",
            "show create database clickward_marts",
            "show create table clickward_marts.mart_publisher_daily",
            "explain json = 1, indexes = 1 select * from clickward_marts.mart_publisher_daily",
            "select file('x')",
            "select file('../x')",
            "select file('.')",
            "select file('/x')",
            "select file('/proc/self/mountinfo')",
            "select file('/proc/self/environ')",
            "select file('/proc/self/cmdline')",
            "select * from clickward_marts.no_such",
            "select * from format(Template, 'x')",
        )
    ]
    told = [(answer[:300], word) for answer in answers for word in hidden if word in answer]
    assert told == []


def copied(built: Built, folder: Path) -> Place:
    """The built world in a folder of its own, for a door of its own: a store has one."""
    for part in ("profiles", "store-published", "dbt_project"):
        shutil.copytree(
            built.local.folder / part, folder / part, symlinks=True,
            ignore=shutil.ignore_patterns("status"),
        )  # fmt: skip
    return Place(folder)


def test_processes_that_stand_still_are_replaced(built: Built, tmp_path: Path) -> None:
    with serving(copied(built, tmp_path), "reader") as door:
        assert door.value("select 1") == "1"
        until(lambda: len(psutil.Process(door.process.pid).children()) == 2)
        time.sleep(3)  # the spare is warm by then
        before = psutil.Process(door.process.pid).children()
        for worker in before:
            worker.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        until(lambda: asked(door, "select 1") == b"1\n", 60)
        assert time.monotonic() - began < 45
        # The spare too is another one: none of those that stood still is left.
        until(lambda: not any(worker.is_running() for worker in before), 30)


def asked(door: Door, query: str) -> bytes:
    """The answer of a door that may not answer at all."""
    try:
        return door.http.request(
            "POST", door.url, body=query, timeout=5,
            headers={"X-ClickHouse-User": "ana", "X-ClickHouse-Key": PASSWORDS["ana"]},
        ).data  # fmt: skip
    except urllib3.exceptions.HTTPError:
        return b""


def test_numbers_of_thousands_of_digits_are_refused(reader: Door) -> None:
    for name in ("session_timeout", "max_execution_time"):
        for value in ("9" * 6000, "\u0661" * 6000):
            assert reader.refusal("select 1", session_id="long", **{name: value}) in (36, 72)
            assert reader.ask("select 1", session_id="long", **{name: value}).status == 400
    assert reader.value("select 1", session_id="long", session_timeout=60) == "1"


def test_a_door_closes_with_its_first_user(built: Built, tmp_path: Path) -> None:
    place = copied(built, tmp_path)
    file = tmp_path / ".clickward" / "users.json"
    with serving(place, "reader", "--max-seconds", "2") as door:
        assert door.value("select 1", "whoever") == "1"
        # Analysis looks at no clock: whatever comes of these, the others go on.
        for shape in ("select * from t{0} union all select * from t{0}",
                      "select a.x from t{0} a, t{0} b", "select (select max(x) from t{0}) +"
                      " (select min(x) from t{0}) as x from t{0}"):  # fmt: skip
            steps = ", ".join(f"t{n} as ({shape.format(n - 1)})" for n in range(1, 16))
            began = time.monotonic()
            query = f"with t0 as (select 1 as x), {steps} select count() from t15"
            assert door.ask(query, "whoever").status >= 400
            assert time.monotonic() - began < 30
            until(lambda: door.ask("select 1", "whoever").data == b"1\n", 30)
        Users(file).add("ana", Role.READER, PASSWORDS["ana"])
        assert door.refusal("select 1", "whoever") == 516
        assert door.value("select 1", "ana") == "1"
        Users(file).remove("ana")
        assert door.refusal("select 1", "whoever") == 516
