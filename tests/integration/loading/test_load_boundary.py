"""One bad file is one line: it keeps no other out, shows no traceback, and loses nothing."""

import gzip
import json
import os
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from bad_files import HEADER, rows
from loading_helpers import Run, counts
from pyarrow import parquet
from pyarrow.parquet import encryption

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.loading import attempt, parquet_reader
from clickward.warehouse.loading.csv_reader import CsvReader
from clickward.warehouse.profile import Project

COLUMNS = {"install_time": "2026-01-02 03:04:05", "appsflyer_id": "1-2", "app_id": "com.game"}


def write_parquet(path: str, **columns: Any) -> None:
    count = len(next(iter(columns.values()))) if columns else 1
    table = {name: [value] * count for name, value in COLUMNS.items()} | columns
    parquet.write_table(pa.table(table), path)


def damage_name(path: str) -> None:
    """Make a column's name something that is not UTF-8, wherever the footer has it."""
    content = Path(path).read_bytes()
    assert content.count(b"city") >= 2
    Path(path).write_bytes(content.replace(b"city", b"ci\xa5\xa5"))


def test_files_that_cannot_be_read_keep_no_other_out(run: Run, warehouse: Warehouse) -> None:
    Path("in").mkdir()
    write_parquet("in/a_installs.parquet")
    write_parquet("in/b_installs.parquet", city=["x"])
    damage_name("in/b_installs.parquet")
    write_parquet("in/c_installs.parquet", city=pa.array([5], pa.duration("s")))
    Path("in/d_installs.csv").write_text(",".join([*COLUMNS, "x" * 140_000]) + "\n")
    Path("in/e_installs.parquet").write_bytes(b"PAR1" + b"\x00" * 40 + b"PAR1")
    Path("in/f_installs.gz").write_bytes(gzip.compress(b"a,b\n1,2\n" * 99)[:-9])
    Path(os.fsdecode(b"in/g_installs_\xe9.csv")).write_text("a\n")
    write_parquet("in/z_installs.parquet", appsflyer_id=["9"])
    code, out, err = run("load", "appsflyer", "in", "--timezone", "UTC", "--json")
    told = {row["file"]: (row["status"], row["note"]) for row in json.loads(out)}
    assert code == 1
    assert "Traceback" not in err
    assert told["in/a_installs.parquet"] == told["in/z_installs.parquet"] == ("loaded", "")
    for name, note in {
        "in/b_installs.parquet": "found a Parquet file with a column name that is not UTF-8",
        "in/c_installs.parquet": "the column city is of type duration[s], which has no text here",
        "in/d_installs.csv": "the first record has more than 128 KiB, expected a header of column"
        " names",
        "in/e_installs.parquet": "found a Parquet file that is cut or damaged",
        "in/f_installs.gz": "the gzip data ends too early",
        "in/g_installs_\\xe9.csv": "its name is not UTF-8 text",
    }.items():
        assert told[name] == ("failed", note)
        assert f"error: {name}: {note}\n" in err
    assert len(told) == 8
    ids = warehouse.query(
        f"select appsflyer_id from {warehouse.table('raw', 'appsflyer__installs')} order by 1"
    )
    assert ids.rows() == [("1-2",), ("9",)]


def test_whatever_a_reader_raises_is_that_files_line(
    run: Run, warehouse: Warehouse, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted in the middle of a file, when rows of it are in raw already."""
    whole = CsvReader.batches

    def failing(reader: CsvReader) -> Any:
        yield from whole(reader)
        if reader.path.name == "bad.csv":
            raise OverflowError("no such\nnumber")

    monkeypatch.setattr(CsvReader, "batches", failing)
    monkeypatch.setattr(attempt, "INSERT_ROWS", 2)
    Path("bad.csv").write_bytes(HEADER + b"".join(rows(5)))
    Path("good.csv").write_bytes(HEADER + b"".join(rows(3)))
    code, out, err = run("load", "talkingdata", "bad.csv", "good.csv", "--json")
    log = project.home / "logs" / "clickward.log"
    assert code == 1
    assert err == (
        "error: bad.csv: cannot be read: OverflowError: no such number\n"
        f"hint: the whole traceback is in {log}\n"
    )
    assert [(row["status"], row["note"]) for row in json.loads(out)] == [
        ("failed", "cannot be read: OverflowError: no such number"),
        ("loaded", ""),
    ]
    assert counts(warehouse) == (3, 0, 1)
    assert "Traceback (most recent call last)" in log.read_text()
    assert "in failing" in log.read_text()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_rows_that_a_reader_drops_are_missed(
    kind: str, run: Run, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The count of the file's records is not the reader's own."""
    if kind == "csv":
        parsed = CsvReader._parse
        monkeypatch.setattr(
            CsvReader, "_parse", lambda self, block: (parsed(self, block)[0].slice(1), [])
        )
        Path("a.csv").write_bytes(HEADER + b"".join(rows(9)))
    else:
        whole = parquet_reader._gathered
        monkeypatch.setattr(
            parquet_reader, "_gathered", lambda found: (t.slice(1) for t in whole(found))
        )
        columns = HEADER.decode().strip().split(",")
        values = [row.decode().strip().split(",") for row in rows(9)]
        table = dict(zip(columns, map(list, zip(*values, strict=True)), strict=True))
        parquet.write_table(pa.table(table), "a.parquet")
    code, _, err = run("load", "talkingdata", f"a.{kind}")
    assert code == 1
    assert err.startswith(f"error: a.{kind}: has 9 records, but 8 were read of them\n")
    assert counts(warehouse) == (0, 0, 0)


def test_unreadable_arguments_are_lines_too(run: Run, warehouse: Warehouse) -> None:
    Path("good.csv").write_bytes(HEADER + b"".join(rows(3)))
    odd = os.fsdecode(b"\xff.csv")
    code, _, err = run("load", "talkingdata", "n" * 5000, odd, "good.csv")
    assert code == 1
    assert f"error: {'n' * 5000}: cannot be read: File name too long\n" in err
    assert "error: \\xff.csv: no such file\n" in err
    assert counts(warehouse) == (3, 0, 1)


class Keys(encryption.KmsClient):
    """Keeps keys as they are."""

    def wrap_key(self, key_bytes: bytes, _master_key_identifier: str) -> str:
        return key_bytes.hex()

    def unwrap_key(self, wrapped_key: str, _master_key_identifier: str) -> bytes:
        return bytes.fromhex(wrapped_key)


@pytest.mark.parametrize("column", ["city", "not_ours"])
def test_encrypted_columns_are_a_line_and_no_end(
    run: Run, warehouse: Warehouse, column: str
) -> None:
    """Its footer can be read; whoever asks Arrow for such a column's sizes ends the process."""
    write_parquet("a_installs.parquet")
    table = pa.table({name: [value] for name, value in COLUMNS.items()} | {column: ["x"]})
    factory = encryption.CryptoFactory(lambda _: Keys())
    properties = factory.file_encryption_properties(
        encryption.KmsConnectionConfig(),
        encryption.EncryptionConfiguration("f", column_keys={"k": [column]}, plaintext_footer=True),
    )
    with parquet.ParquetWriter(
        "b_installs.parquet", table.schema, encryption_properties=properties
    ) as writer:
        writer.write_table(table)
    code, _, err = run("load", "appsflyer", "b_installs.parquet", "a_installs.parquet")
    assert code == 1
    assert "error: b_installs.parquet: found a Parquet file with encrypted columns\n" in err
    assert warehouse.scalar(f"select sum(rows_loaded) from {warehouse.table('raw', 'loads')}") == 1


def test_an_interval_is_refused(run: Run) -> None:
    """Arrow reads it as twelve bytes; DuckDB wrote this one, of a month."""
    file = Path(__file__).with_name("interval.parquet")
    code, _, err = run("load", "appsflyer", str(file), "--report", "installs")
    assert code == 1
    assert "the column campaign is of type interval, which has no text here\n" in err


def test_an_empty_path_is_no_folder(run: Run, warehouse: Warehouse) -> None:
    Path("good.csv").write_bytes(HEADER + b"".join(rows(3)))
    code, _, err = run("load", "talkingdata", "good.csv", "")
    assert code == 2
    assert err.startswith("error: found an empty path\nhint: ")
    assert counts(warehouse) == (0, 0, 0)


def test_ids_as_floats_and_uuids_are_found_again(run: Run, warehouse: Warehouse) -> None:
    ids = [uuid.UUID(int=7), uuid.UUID("aaaaaaaa-0000-4000-8000-000000000001")]
    write_parquet(
        "installs.parquet",
        appsflyer_id=["1", "2"],
        advertising_id=pa.array([one.bytes for one in ids], pa.uuid()),
        imei=pa.array([356938035643809.0, None]),
    )
    code, _, err = run("load", "appsflyer", "installs.parquet")
    assert (code, err) == (0, "")
    found = warehouse.query(
        "select advertising_id, imei"
        f" from {warehouse.table('raw', 'appsflyer__installs')} order by _source_row"
    )
    assert found.rows() == [(str(ids[0]), "356938035643809"), (str(ids[1]), "")]
    code, _, err = run("forget", "356938035643809", "--yes")
    assert code == 0, err
    left = warehouse.query(f"select imei from {warehouse.table('raw', 'appsflyer__installs')}")
    assert left.rows() == [("",)]
