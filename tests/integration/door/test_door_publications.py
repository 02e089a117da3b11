"""Publications: taken up at once, never mixed, and only of a build that passed."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from doors import Built, Door, engine_of, serving, until

from clickward.server.publication import Publications
from clickward.server.publish import publish
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError

PUBLICATIONS = 3
ONE_PUBLICATION = """
    select min(generation), max(generation) from (
        select generation from clickward_marts.first
        union all
        select generation from clickward_marts.second
    )
"""


@pytest.fixture(autouse=True)
def no_generations(warehouse: Warehouse) -> Iterator[None]:
    """Leaves the marts as they were built."""
    yield
    for table in ("first", "second"):
        warehouse.command(f"drop table if exists clickward_marts.{table} sync")


def make(warehouse: Warehouse, generation: int) -> None:
    for table in ("first", "second"):
        warehouse.command(
            f"create or replace table clickward_marts.{table} engine MergeTree order by tuple()"
            f" as select toUInt32({generation}) as generation from numbers(20000)"
        )


def test_readers_see_whole_publications_at_once(built: Built, warehouse: Warehouse) -> None:
    make(warehouse, 0)
    publish(warehouse)
    seen: list[tuple[float, float, int, int]] = []
    stop = threading.Event()
    with serving(built.served, "reader") as door, ThreadPoolExecutor(3) as pool:

        def read() -> None:
            while not stop.is_set():
                asked = time.monotonic()
                least, most = map(int, door.value(ONE_PUBLICATION).split("\t"))
                seen.append((asked, time.monotonic(), least, most))

        readers = [pool.submit(read) for _ in range(3)]
        try:
            for generation in range(PUBLICATIONS + 1):
                if generation:
                    make(warehouse, generation)
                    publish(warehouse)
                until(lambda shown=generation: any(least == shown for _, _, least, _ in seen), 20)
        finally:
            stop.set()
        for reader in readers:
            reader.result()  # a query that was refused fails the test, whoever asked
    assert [(least, most) for _, _, least, most in seen if least != most] == []
    assert {least for _, _, least, _ in seen} == set(range(PUBLICATIONS + 1))
    # Once any reader was shown a publication, no query that came after shows the one before.
    for generation in range(1, PUBLICATIONS + 1):
        shown = min(answered for _, answered, least, _ in seen if least >= generation)
        assert [row for row in seen if row[0] > shown and row[2] < generation] == []


def test_a_query_ends_on_the_publication_it_began_on(built: Built, warehouse: Warehouse) -> None:
    make(warehouse, 1)
    old = publish(warehouse)
    assert old.rows["first"] == old.rows["second"] == 20_000
    facts = json.loads((old.folder / "publication.json").read_text())
    assert facts["rows"] == old.rows
    # Nothing is left in the store, and what is dropped there does not show.
    assert not list((built.served.store / "shadow").glob("clickward_*"))
    assert warehouse.scalar("exists database clickward_publishing") == 0
    warehouse.command("drop table clickward_marts.first sync")
    with serving(built.served, "reader") as door:
        query = (
            "select generation, repeat('x', 200) from clickward_marts.first"
            " cross join numbers(20) as n"
        )
        answer = door.request("POST", query, preload_content=False)
        read = answer.read(1000)
        make(warehouse, 2)
        publish(warehouse)
        until(lambda: door.value("select any(generation) from clickward_marts.first") == "2")
        assert old.folder.is_dir()
        read += answer.read()
        assert {line[:2] for line in read.splitlines()} == {b"1\t"}
        assert read.count(b"\n") == 400_000
    Publications(built.served.store, "clickward").remove_unread()
    assert not old.folder.exists()


def test_half_a_build_is_not_published(built: Built, warehouse: Warehouse) -> None:
    root = Publications(built.served.store, "clickward").root
    kept = sorted(root.iterdir())
    runs = "clickward_raw.build_runs"
    warehouse.command(f"create table clickward_raw.kept as {runs}")
    warehouse.command(f"insert into clickward_raw.kept select * from {runs}")
    try:
        for event, message in (
            ("begun", "the last build is still running, or was interrupted"),
            ("failed", "the last build failed, or one of its tests did"),
        ):
            warehouse.command(
                f"insert into {runs} (run_id, event, at) values ('x', '{event}', now64(3))"
            )
            with pytest.raises(UserError, match=message):
                publish(warehouse)
            time.sleep(0.01)
    finally:
        warehouse.command(f"exchange tables {runs} and clickward_raw.kept")
        warehouse.command("drop table clickward_raw.kept sync")
    assert sorted(root.iterdir()) == kept


def test_a_killed_engine_is_replaced(built: Built, reader: Door) -> None:
    store = Publications(built.local.store, "clickward").current() / "store"
    engine = engine_of(store)
    os.kill(engine.pid, signal.SIGKILL)
    until(lambda: reader.ask("select 1").data == b"1\n", 20)
    assert engine_of(store).pid != engine.pid
    assert int(reader.value("select count() from clickward_marts.mart_publisher_daily")) > 100


@pytest.mark.full
def test_a_damaged_publication_is_not_taken_up(built: Built, warehouse: Warehouse) -> None:
    make(warehouse, 3)
    good = Path(publish(warehouse).folder)
    root = good.parent
    with serving(built.served, "reader") as door:
        bad = root / "bad"
        (bad / "store").mkdir(parents=True)
        (bad / "lock").touch()
        (bad / "store" / "metadata").write_text("this should be a folder")
        (root / "new").symlink_to("bad")
        (root / "new").replace(root / "current")
        time.sleep(1)
        assert door.value(ONE_PUBLICATION) == "3\t3"
        (root / "current").unlink()
        time.sleep(0.5)
        assert door.value(ONE_PUBLICATION) == "3\t3"
        (root / "current").symlink_to(good.name)
        make(warehouse, 4)
        publish(warehouse)
        until(lambda: door.value(ONE_PUBLICATION) == "4\t4")
