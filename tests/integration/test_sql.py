"""`clickward sql`: one statement, which reads unless it may write."""

from pathlib import Path

import pytest

from clickward.server.console import run
from clickward.warehouse.connection import Warehouse, connect, engine_errors
from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import Project


def ask(project: Project, text: str, output_format: str = "TSV", may_write: bool = False) -> str:
    """The result, on a connection of its own as each command has."""
    connected = connect(project)
    try:
        with engine_errors():
            return run(connected, text, output_format, may_write).read().decode()
    finally:
        connected.close()


@pytest.fixture
def table(project: Project, warehouse: Warehouse) -> str:
    """A table of two rows in the test's own schema."""
    name = warehouse.table("core", "kept")
    warehouse.command(f"create database if not exists {warehouse.target.database('core')}")
    warehouse.command(f"create table {name} (n UInt8, s String) engine MergeTree order by n")
    warehouse.command(f"insert into {name} values (1, 'a;b'), (2, 'c')")
    return name


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("select sum(n) from {t}", "3\n"),
        ("select sum(n) from {t};", "3\n"),
        ("select sum(n) from {t} ; ;\n-- the end; drop table {t}\n", "3\n"),
        ("/* ; */ select s from {t} where s = 'a;b' -- ; x", "a;b\n"),
        ("select ';' as `a;b`, $x$;drop table {t};$x$", ";\t;drop table {t};\n"),
        ("with x as (select max(n) as n from {t}) select n from x", "2\n"),
        ("from {t} select count()", "2\n"),
        ("(select 1) union all (select 1)", "1\n1\n"),
        ("exists table {t}", "1\n"),
        ("check table {t}", "all_1_1_0\t1\t\n"),
        ("select sum(n) from {t} format JSONEachRow", '{{"sum(n)":3}}\n'),
        ("select sum(n) from {t} settings max_threads = 1", "3\n"),
        ("select 'insert into x' as format", "insert into x\n"),
    ],
)
def test_what_reads_is_run(project: Project, table: str, text: str, wanted: str) -> None:
    assert ask(project, text.format(t=table)) == wanted.format(t=table)


def test_show_describe_and_explain_read(project: Project, table: str) -> None:
    database, name = table.split(".")
    assert name in ask(project, f"show tables from {database}").splitlines()
    assert f"CREATE TABLE {table}" in ask(project, f"show create table {table}")
    assert [line.split("\t")[:2] for line in ask(project, f"describe {table}").splitlines()] == [
        ["n", "UInt8"], ["s", "String"],
    ]  # fmt: skip
    assert "ReadFromMergeTree" in ask(project, f"explain select * from {table}")


def test_formats_of_all_kinds(project: Project, table: str) -> None:
    assert ask(project, f"exists table {table}", "JSONEachRow") == '{"result":1}\n'
    query = f"select n from {table} order by n;"
    assert ask(project, query, "CSVWithNames") == '"n"\n1\n2\n'
    assert ask(project, query, "TabSeparatedWithNames") == "n\n1\n2\n"


def test_several_statements_run_none(project: Project, table: str, warehouse: Warehouse) -> None:
    for text, count in (
        (f"select 1; drop table {table}", 2),
        (f"select 1;\n-- x\n;drop table {table};", 2),
        (f"drop table {table}; select 1", 2),
        (f"insert into {table} values (3, 'd'); drop table {table}", 2),
        (f"set max_threads = 1; select 1; drop table {table}", 3),
        (f"select ';'; drop table {table} -- ;", 2),
    ):
        for may_write in (False, True):
            with pytest.raises(UserError, match=f"these are {count} statements, and none was run"):
                ask(project, text, may_write=may_write)
    for text in (f"drop table {table}; drop tabel x", f"select 1; drop table {table} 'x'"):
        with pytest.raises(UserError, match=r"statements|Syntax error"):
            ask(project, text, may_write=True)
    assert warehouse.scalar(f"select count() from {table}") == 2


def test_what_changes_wants_write(
    project: Project, table: str, warehouse: Warehouse, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    database = table.split(".")[0]
    for text in (
        f"drop table {table}",
        f"/* select */ drop table {table}",
        f"truncate table {table}",
        f"insert into {table} values (3, 'd')",
        f"with 3 as x insert into {table} select x, ''",
        f"insert into {table} select * from {table}",
        f"insert into function file('{out}', CSV, 's String') values ('x')",
        f"insert into {table} from infile '{out}' format CSV",
        f"alter table {table} delete where 1",
        f"alter table {table} freeze",
        f"delete from {table} where 1",
        f"update {table} set s = '' where 1",
        f"optimize table {table} final",
        f"rename table {table} to {table}_2",
        f"detach table {table}",
        f"exchange tables {table} and {table}",
        f"create table {database}.x (n UInt8) engine Memory",
        f"create table {database}.x engine File(CSV) as select 1",
        "create temporary table x (n UInt8)",
        f"create view {database}.x as select 1",
        f"create or replace function x_{database} as n -> n",
        f"drop database {database}",
        f"backup table {table} to File('{out}')",
        f"select * from {table} into outfile '{out}'",
        f"select * from {table} INTO/**/OUTFILE '{out}' format CSV",
        f"explain select 1 into outfile '{out}'",
        "use system",
        "set readonly = 0",
        "system flush logs",
        "kill query where 1",
        "grant all on *.* to default",
    ):
        with pytest.raises(UserError, match="does more than read, and was not run") as refused:
            ask(project, text)
        assert refused.value.hint == "--write if you mean it"
    assert warehouse.scalar(f"select sum(n), count() from {table}") == 3
    assert not out.exists()


def test_the_engine_holds_readers_too(project: Project, table: str) -> None:
    for text in ("select 1 settings readonly = 0", "select 1 settings readonly = 1, max_threads=1"):
        with pytest.raises(UserError, match="Cannot modify 'readonly' setting"):
            ask(project, text)


def test_write_writes(project: Project, table: str, warehouse: Warehouse, tmp_path: Path) -> None:
    def total() -> tuple[int, int]:
        count, rows = warehouse.client.query(f"select count(), sum(n) from {table}").first_row
        return count, rows

    ask(project, f"insert into {table} values (3, 'd');", may_write=True)
    assert total() == (3, 6)
    ask(project, f'insert into {table} format CSV\n4,"e;f"\n5,g\n', may_write=True)
    assert total() == (5, 15)
    ask(project, f"with 6 as x insert into {table} select x, 'h'", may_write=True)
    assert total() == (6, 21)
    assert ask(project, f"select count() from {table}", may_write=True) == "6\n"
    ask(project, f"select n from {table} into outfile '{tmp_path / 'out'}'", "CSV", may_write=True)
    assert sorted((tmp_path / "out").read_text().split()) == list("123456")
    ask(project, f"drop table {table} sync -- ;", may_write=True)
    assert warehouse.scalar(f"exists table {table}") == 0


@pytest.mark.parametrize("text", ["", " \n", ";", "-- nothing\n;", "/* select 1 */"])
def test_no_statement_is_said(project: Project, warehouse: Warehouse, text: str) -> None:
    with pytest.raises(UserError, match="there is no statement"):
        ask(project, text)


def test_a_syntax_error_is_in_the_engine_s_words(project: Project, warehouse: Warehouse) -> None:
    with pytest.raises(UserError, match=r"the engine refused: .*Syntax error.*\(frm\)"):
        ask(project, "select 1 a frm x")
