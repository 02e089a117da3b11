"""What a failed load has inserted goes; what was never committed goes at the next start."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bad_files import HEADER, noise, rows
from loading_helpers import Run, counts

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.loading import attempt, csv_stream, ledger
from clickward.warehouse.loading.attempt import Attempt


@pytest.fixture
def small_inserts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "INSERT_ROWS", 1_000)
    monkeypatch.setattr(csv_stream, "CHUNK", 20_000)


@pytest.fixture
def present_at_undo(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows in raw whenever an undo begins."""
    seen: list[int] = []
    remove = ledger.remove_load

    def watched(*arguments: Any, **named: Any) -> None:
        seen.append(counts(warehouse)[0])
        remove(*arguments, **named)

    monkeypatch.setattr(ledger, "remove_load", watched)
    return seen


def during_load(monkeypatch: pytest.MonkeyPatch, act: Callable[[Attempt], object]) -> None:
    """Let `act` happen between the last insert of a load and its check."""
    insert_all = Attempt.insert_all

    def insert_and_act(self: Attempt, *arguments: Any) -> None:
        insert_all(self, *arguments)
        act(self)

    monkeypatch.setattr(Attempt, "insert_all", insert_and_act)


@pytest.mark.usefixtures("small_inserts")
def test_cut_file_leaves_no_row(run: Run, warehouse: Warehouse, present_at_undo: list[int]) -> None:
    packed = gzip.compress(HEADER + b"".join(noise(50_000)))
    Path("cut.csv.gz").write_bytes(packed[: len(packed) // 2])
    assert run("load", "talkingdata", "cut.csv.gz")[0] == 1
    assert present_at_undo[0] > 10_000
    assert counts(warehouse) == (0, 0, 0)


@pytest.mark.usefixtures("small_inserts")
def test_file_with_too_many_bad_rows_leaves_no_row(
    run: Run, warehouse: Warehouse, present_at_undo: list[int]
) -> None:
    Path("good.csv").write_bytes(HEADER + b"".join(rows(3)))
    run("load", "talkingdata", "good.csv")
    Path("bad.csv").write_bytes(HEADER + b"".join([*rows(5_000), *[b"x,y\n"] * 1_000]))
    code, _, err = run("load", "talkingdata", "bad.csv")
    assert code == 1
    assert "1,000 of 6,000 rows cannot be loaded" in err
    assert present_at_undo == [5_003]
    assert counts(warehouse) == (3, 0, 1)


def test_rows_of_another_loader_stop_the_commit(
    run: Run, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = warehouse.table("raw", "talkingdata__clicks")
    Path("a.csv").write_bytes(HEADER + b"".join(rows(5)))
    with monkeypatch.context() as patch:
        during_load(
            patch,
            lambda _: warehouse.command(
                f"insert into {raw} (ip, _load_id, _loaded_at)"
                f" select ip, _load_id, _loaded_at + 1 from {raw} limit 2"
            ),
        )
        code, _, err = run("load", "talkingdata", "a.csv")
    assert code == 1
    assert f"{raw} has 7 rows of load " in err
    assert "expected 5\nhint: another load of the same file may be running" in err
    # Ours are gone; the other's are its own to commit, or the next start's to remove.
    assert counts(warehouse) == (2, 0, 0)
    code, _, err = run("load", "talkingdata", "a.csv")
    assert (code, err) == (0, "removed what 1 unfinished load(s) had left\n")
    assert counts(warehouse) == (5, 0, 1)


def test_file_that_changes_while_it_is_read_is_refused(
    run: Run, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.csv").write_bytes(HEADER + b"".join(rows(5)))
    during_load(monkeypatch, lambda _: os.utime("a.csv", ns=(0, 0)))
    code, _, err = run("load", "talkingdata", "a.csv")
    assert code == 1
    assert err == "error: a.csv: changed while it was read\nhint: load it again\n"
    assert counts(warehouse) == (0, 0, 0)


def test_start_removes_only_what_was_never_committed(run: Run, warehouse: Warehouse) -> None:
    Path("a.csv").write_bytes(HEADER + b"".join([*rows(19), b"20,x\n"]))
    run("load", "talkingdata", "a.csv")
    inserts = {
        ("raw", "talkingdata__clicks"): "ip, _load_id, _loaded_at) values ('1', 'dead', now())",
        ("raw", "rejected_lines"): "line, _load_id, _loaded_at) values ('1', 'dead', now())",
        ("raw", "appsflyer__installs"): "ip, _load_id, _loaded_at) values ('1', 'gone', now())",
        ("ml", "truth"): "app_id, _load_id, _loaded_at) values ('1', 'gone', now())",
    }
    for table, values in inserts.items():
        warehouse.command(f"insert into {warehouse.table(*table)} ({values}")
    Path("b.csv").write_bytes(HEADER + b"".join(rows(3, 50)))
    code, _, err = run("load", "talkingdata", "b.csv")
    assert (code, err) == (0, "removed what 2 unfinished load(s) had left\n")
    assert counts(warehouse) == (22, 1, 2)
    for table in inserts:
        qualified = warehouse.table(*table)
        assert not warehouse.scalar(
            f"select countIf(_load_id in ('dead', 'gone')) from {qualified}"
        )


def test_column_that_the_yaml_has_gained_is_added(run: Run, warehouse: Warehouse) -> None:
    Path("a.csv").write_bytes(HEADER + b"".join(rows(3)))
    run("load", "talkingdata", "a.csv")
    raw = warehouse.table("raw", "talkingdata__clicks")
    warehouse.command(f"alter table {raw} drop column attributed_time")
    before = warehouse.scalar(f"select count() from {raw}")
    Path("b.csv").write_bytes(HEADER + b"9,3,1,13,497,2017-11-07 09:30:38,2017-11-07 09:31:00,1\n")
    assert run("load", "talkingdata", "b.csv")[0] == 0
    assert warehouse.query(
        f"select attributed_time, count() as rows from {raw} group by 1 order by 1"
    ).rows() == [("", before), ("2017-11-07 09:31:00", 1)]
