"""Clients as they are: clickhouse-connect in every call the project makes, and SQLAlchemy."""

from datetime import UTC, datetime

import polars as pl
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from doors import PASSWORDS, Built, Door, of_server
from sqlalchemy import MetaData, Table, create_engine, func, inspect, select

from clickward.warehouse.connection import Warehouse

INSTANT = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
FRAME = pl.DataFrame(
    {
        "n": [1, 2, 3],
        "name": ["a", "ünï\t\n'\\", None],
        "at": [INSTANT, None, INSTANT],
        "list": [[1, 2], [], [3]],
    },
    schema={
        "n": pl.UInt32, "name": pl.String, "at": pl.Datetime("ms", "UTC"), "list": pl.List(pl.Int64)
    },
)  # fmt: skip
# As from the embedded engine: clickhouse-connect reads UTC without naming it.
READ = FRAME.with_columns(pl.col("at").dt.replace_time_zone(None))
COLUMNS = "n UInt32, name Nullable(String), at Nullable(DateTime64(3, 'UTC')), list Array(Int64)"


@pytest.mark.parametrize("compress", ["lz4", "zstd", "gzip", False])
def test_frames_go_in_and_come_out(
    engineer: Door, scratch: str, compress: str | bool, warehouse: Warehouse
) -> None:
    with engineer.client(compress=compress) as client:
        client.command(f"create table {scratch}.t ({COLUMNS}) engine MergeTree order by n")
        summary = client.insert_df_arrow(f"{scratch}.t", FRAME)
        assert summary.written_rows == 3
        back = client.query_df_arrow(
            f"select * from {scratch}.t order by n", dataframe_library="polars"
        )
        assert back.equals(READ)
        client.insert_arrow(f"{scratch}.t", FRAME.to_arrow(), settings={"async_insert": 0})
        client.insert(f"{scratch}.t", [[9, "rows", INSTANT, [7]]])
        assert client.query(f"select count(), sum(n) from {scratch}.t").result_rows == [(7, 21)]
        assert client.query_arrow(f"select n from {scratch}.t where n = 9")["n"].to_pylist() == [9]
        client.command(f"drop table {scratch}.t")


def test_the_project_s_own_connection(warehouse: Warehouse, scratch: str) -> None:
    warehouse.command(f"create table {scratch}.t ({COLUMNS}) engine MergeTree order by n")
    warehouse.insert(f"{scratch}.t", FRAME)
    read = warehouse.query(f"select * from {scratch}.t where n >= {{n:UInt32}} order by n", n=2)
    assert read.equals(READ[1:])
    assert warehouse.scalar(f"select name from {scratch}.t where n = {{n:UInt8}}", n=2) == (
        "ünï\t\n'\\"
    )
    batches = list(warehouse.stream("select number as n from numbers(300000)"))
    assert len(batches) > 1
    assert pl.concat(batches)["n"].to_list() == list(range(300_000))
    assert warehouse.has_table("marts", "mart_publisher_daily")
    with warehouse.client.raw_stream("select number from numbers(3)", fmt="JSONEachRow") as raw:
        assert b"".join(raw) == b'{"number":0}\n{"number":1}\n{"number":2}\n'
    # Two streams and an insert between them: no session is in the way.
    first, second = (warehouse.stream("select number as n from numbers(600000)") for _ in "ab")
    read = next(first).height
    warehouse.insert(f"{scratch}.t", FRAME)
    assert pl.concat(second).height == 600_000
    assert pl.concat(first).height == 600_000 - read > 0


def test_rows_blocks_and_parameters(reader: Door) -> None:
    with reader.client() as client:
        parameters = {"name": "it's \\ \t\n%d {x}", "days": [1, 2], "at": INSTANT, "none": None}
        row = client.query(
            "select {name:String}, {days:Array(UInt8)}, {at:DateTime64(3, 'UTC')},"
            " {none:Nullable(String)}",
            parameters=parameters,
        ).first_row
        assert (row[0], list(row[1]), row[3]) == (parameters["name"], [1, 2], None)
        assert row[2].replace(tzinfo=UTC) == INSTANT
        long = "x" * 100_000
        assert client.query("select length({v:String})", {"v": long}).first_row == (100_000,)
        with client.query_row_block_stream("select number from numbers(200000)") as blocks:
            assert sum(row[0] for block in blocks for row in block) == sum(range(200_000))
        result = client.query("select sum(number) from numbers(1000)", settings={"max_threads": 1})
        assert int(result.summary["read_rows"]) == 1000
        assert result.query_id
        assert client.query("select getSetting('max_threads')", settings={"max_threads": 3}) \
            .first_row == (3,)  # fmt: skip
        assert client.server_version.startswith("26.")


def test_an_error_carries_the_engine_s_code(reader: Door) -> None:
    with reader.client() as client:
        with pytest.raises(DatabaseError, match="UNKNOWN_TABLE") as refused:
            client.query("select * from clickward_marts.no_such_mart")
        assert refused.value.code == 60
        with pytest.raises(DatabaseError, match="Value passed to 'throwIf'"), \
                client.query_rows_stream("select throwIf(number = 900000) from numbers(1000000)"
                    " settings max_block_size = 1000") as rows:  # fmt: skip
            for _ in rows:
                pass


def test_a_wrong_password_is_refused(built: Built, reader: Door, engineer: Door) -> None:
    for door, user, password in (
        (reader, "ana", "wrong"), (reader, "nobody", "x"), (engineer, "ana", PASSWORDS["ana"]),
    ):  # fmt: skip
        answer = door.ask("select 1", headers={"X-ClickHouse-User": user,
                                               "X-ClickHouse-Key": password})  # fmt: skip
        assert answer.status == 403
        assert answer.headers["X-ClickHouse-Exception-Code"] == "516"
    done = built.local.start(
        "sql", "select 1", target="server", CLICKWARD_HOST=reader.host,
        CLICKWARD_PORT=str(reader.port), CLICKWARD_USER="ana", CLICKWARD_PASSWORD="wrong",
    )  # fmt: skip
    _, talk = done.communicate()
    assert done.returncode == 3, talk
    assert "refused user 'ana'" in talk


def test_the_command_line_reads_one_statement(built: Built, engineer: Door, scratch: str) -> None:
    def sql(*words: str) -> tuple[int, str, str]:
        process = built.local.start("sql", *words, target="server", **of_server(engineer))
        out, talk = process.communicate()
        return process.returncode, out, talk

    assert sql("--write", f"create table {scratch}.t (n UInt8) engine Memory")[0] == 0
    code, out, talk = sql(f"select 1; drop table {scratch}.t")
    assert (code, out) == (1, "")
    assert "these are 2 statements" in talk
    code, out, talk = sql(f"insert into {scratch}.t values (1)")
    assert (code, out) == (1, "")
    assert "does more than read" in talk
    code, out, talk = sql("select 1 settings readonly = 0")
    assert (code, out) == (1, "")
    assert "Cannot modify 'readonly' setting" in talk
    assert sql(f"exists table {scratch}.t -- ;") == (0, "result\n1\n", "")


def test_sqlalchemy_lists_tables_and_reads_one(reader: Door) -> None:
    address = f"clickhousedb://ana:{PASSWORDS['ana']}@{reader.host}:{reader.port}/clickward_marts"
    engine = create_engine(address)
    try:
        tables = inspect(engine).get_table_names()
        assert {"mart_publisher_daily", "fct_scored_installs", "scores_current"} <= set(tables)
        mart = Table("mart_publisher_daily", MetaData(), autoload_with=engine)
        with engine.connect() as connection:
            rows = connection.execute(select(mart.c.publisher, mart.c.clicks)).all()
            total = connection.execute(select(func.sum(mart.c.clicks))).scalar_one()
    finally:
        engine.dispose()
    assert sum(row.clicks for row in rows) == total > 0
    assert all(row.publisher for row in rows)
