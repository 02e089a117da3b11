"""Snapshots and labels as of an instant, on the real engine."""

import json
import random
from datetime import datetime, timedelta
from pathlib import Path

import models_world as world
import numpy as np
import polars as pl
import pytest

from clickward.models_ml.dataset import snapshot as snapshot_module
from clickward.models_ml.dataset.frames import read_frame
from clickward.models_ml.dataset.labels import labels_as_of, read_verdicts
from clickward.models_ml.dataset.reading import Span
from clickward.models_ml.dataset.snapshot import manifest_path, pull_snapshot
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError

DAY = timedelta(days=1)


def test_file_and_manifest(warehouse: Warehouse, tmp_path: Path) -> None:
    fs = world.make_world(warehouse, n=500, days=5)
    pulled = pull_snapshot(warehouse, fs, out=tmp_path / "all.parquet")
    frame = pl.read_parquet(pulled.path)
    assert frame.columns == [
        "install_id", "event_at", "is_fraud", "label_known_at", "attack_type", *world.TYPES
    ]  # fmt: skip
    assert frame.select("event_at", "install_id").equals(
        frame.sort("event_at", "install_id").select("event_at", "install_id")
    )
    assert frame.height == pulled.manifest["rows"] == 500
    assert frame["is_fraud"].sum() == pulled.manifest["positives"] > 0
    assert json.loads(manifest_path(pulled.path).read_text()) == pulled.manifest
    assert [entry["name"] for entry in pulled.manifest["contract"]] == list(world.TYPES)
    # Unknown stays unknown: null, never 0.
    assert frame["ip__clicks_1h"].null_count() > 0
    table = warehouse.query(
        f"select toString(install_id) as id, ip__clicks_1h from {fs.relation} order by event_at, id"
    )
    assert frame["ip__clicks_1h"].to_list() == table["ip__clicks_1h"].to_list()
    assert [p.name for p in tmp_path.iterdir() if "partial" in p.name] == []


def test_arrays_stand_beside_what_has_one_value(warehouse: Warehouse, tmp_path: Path) -> None:
    fs = world.make_world(warehouse, n=300, days=3)
    read = read_frame(pull_snapshot(warehouse, fs, out=tmp_path / "a.parquet").path)
    assert read.X.columns == [name for name in world.TYPES if name != world.SEQUENCE]
    assert read.sequences is not None
    assert read.sequences.schema == {world.SEQUENCE: pl.List(pl.Float32)}
    stored = warehouse.query(
        f"select {world.SEQUENCE} from {fs.relation} order by event_at, toString(install_id)"
    )
    assert read.sequences[world.SEQUENCE].to_list() == stored[world.SEQUENCE].to_list()
    assert {len(array) for array in read.sequences[world.SEQUENCE]} == {0, 1, 2, 3}


def test_same_data_same_id_registered_once(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs = world.make_world(warehouse, n=400, days=4)
    first = pull_snapshot(warehouse, fs, out=tmp_path / "first.parquet")
    # Batches of another size, another file, data stored in other parts: the same content.
    monkeypatch.setattr(snapshot_module, "GROUP_ROWS", 37)
    warehouse.command(f"optimize table {fs.relation} final")
    second = pull_snapshot(warehouse, fs, out=tmp_path / "second.parquet")
    assert second.snapshot_id == first.snapshot_id
    assert (first.is_new, second.is_new) == (True, False)
    assert pl.read_parquet(first.path).equals(pl.read_parquet(second.path))
    for table in ("snapshots", "runs"):
        assert warehouse.scalar(f"select count() from {warehouse.table('ml', table)}") == 1
    warehouse.command(
        f"alter table {fs.relation} update ip__clicks_1h = 77"
        " where event_at = (select max(event_at) from " + fs.relation + ")"
        " settings mutations_sync = 2"
    )
    third = pull_snapshot(warehouse, fs, out=tmp_path / "third.parquet")
    assert third.snapshot_id != first.snapshot_id
    assert third.manifest["query"] == first.manifest["query"]


def test_rows_of_a_killed_registration_are_replaced(warehouse: Warehouse, tmp_path: Path) -> None:
    fs = world.make_world(warehouse, n=100, days=3)
    pull_snapshot(warehouse, fs, out=tmp_path / "a.parquet")
    warehouse.command(f"truncate table {warehouse.table('ml', 'runs')}")
    again = pull_snapshot(warehouse, fs, out=tmp_path / "a.parquet")
    assert again.is_new
    assert warehouse.scalar(f"select count() from {warehouse.table('ml', 'snapshots')}") == 1


def test_window_is_half_open(warehouse: Warehouse, tmp_path: Path) -> None:
    fs = world.make_world(warehouse, n=300, days=3)
    times = warehouse.query(f"select event_at from {fs.relation} order by event_at")["event_at"]
    stamps = [t.replace(tzinfo=world.START.tzinfo) for t in times]
    pulled = pull_snapshot(warehouse, fs, stamps[10], stamps[200], out=tmp_path / "a.parquet")
    frame = read_frame(pulled.path)
    expected = [t for t in times if times[10] <= t < times[200]]
    assert frame.times.tolist() == expected
    assert len(frame) == 190


def test_reads_a_day_at_a_time_in_bounded_batches(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs = world.make_world(warehouse, n=1000, days=6)
    monkeypatch.setattr(snapshot_module, "GROUP_ROWS", 100)
    batches: list[int] = []
    spans: list[float] = []
    original = Warehouse.stream

    def counted(self: Warehouse, sql: str, **parameters: datetime):
        spans.append((parameters["to_at"] - parameters["from_at"]) / DAY)
        yield from original(self, sql, **parameters)

    monkeypatch.setattr(Warehouse, "stream", counted)
    pull_snapshot(warehouse, fs, out=tmp_path / "a.parquet", advance=batches.append)
    assert batches == [100] * 10
    assert len(spans) == 7
    assert max(spans) <= 1


def test_no_rows_is_an_error_that_names_the_span(warehouse: Warehouse, tmp_path: Path) -> None:
    fs = world.make_world(warehouse, n=50, days=2)
    with pytest.raises(UserError, match="no rows in") as caught:
        pull_snapshot(warehouse, fs, world.START + 50 * DAY, out=tmp_path / "a.parquet")
    assert "2026-03-0" in str(caught.value.hint)
    warehouse.command(f"truncate table {fs.relation}")
    with pytest.raises(UserError, match="has no rows"):
        pull_snapshot(warehouse, fs, out=tmp_path / "a.parquet")
    warehouse.command(f"alter table {fs.relation} drop column ip__clicks_1h")
    with pytest.raises(UserError, match=r"lacks 1 column.*ip__clicks_1h"):
        pull_snapshot(warehouse, fs, out=tmp_path / "a.parquet")
    warehouse.command(f"drop table {fs.relation}")
    with pytest.raises(UserError, match="is not built"):
        pull_snapshot(warehouse, fs, out=tmp_path / "a.parquet")
    assert list(tmp_path.glob("*.parquet")) == []


def test_a_file_without_its_manifest_or_with_anothers_is_refused(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    fs = world.make_world(warehouse, n=100, days=3)
    pulled = pull_snapshot(warehouse, fs, out=tmp_path / "a.parquet")
    manifest_path(pulled.path).write_text(json.dumps(pulled.manifest | {"rows": 7}))
    with pytest.raises(UserError, match="has 100 rows, its manifest says 7"):
        read_frame(pulled.path)
    manifest_path(pulled.path).unlink()
    with pytest.raises(UserError, match="no manifest"):
        read_frame(pulled.path)


def verdict_rows(rng: random.Random, ids: list[str]) -> list[tuple[object, ...]]:
    """Verdicts at few instants, so that ties and revisions abound."""
    rows = []
    for _ in range(rng.randint(0, 60)):
        at = world.START + DAY * rng.randint(0, 5)
        attack = rng.choice([None, "farm", "spoof"])
        rows.append((rng.choice(ids), rng.choice("ab"), rng.randint(0, 1), attack, at))
    return rows


def brute_force(rows: list[tuple[object, ...]], subject: str, as_of: datetime) -> int:
    """The rule spelt out: any source whose latest verdict known by then is 1."""
    known = [row for row in rows if row[0] == subject and row[4] <= as_of]
    label = 0
    for source in {row[1] for row in known}:
        mine = [row for row in known if row[1] == source]
        latest = max(row[4] for row in mine)
        label = max([label, *(row[2] for row in mine if row[4] == latest)])
    return label


@pytest.mark.parametrize("seed", range(6))
def test_labels_as_of_sql_polars_and_brute_force_agree(
    warehouse: Warehouse, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    world.make_ml_tables(warehouse)
    installs = world.rows(30, 2, seed)
    world.make_feature_table(warehouse, installs.drop("attack"))
    ids = installs["install_id"].to_list()
    at = dict(installs.select("install_id", "event_at").iter_rows())
    rows = verdict_rows(rng, ids)
    verdicts = pl.DataFrame(
        [(i, at[i], "install", "is_fraud", s, v, a, k) for i, s, v, a, k in rows],
        schema={
            "subject_id": pl.String, "subject_at": world.INSTANT, "subject": pl.String,
            "target": pl.String, "verdict_source": pl.String, "value": pl.UInt8,
            "attack_type": pl.String, "known_at": world.INSTANT,
        },
        orient="row",
    )  # fmt: skip
    # A verdict on another target is not about this label.
    other = verdicts.with_columns(target=pl.lit("is_attributed"), value=pl.lit(1, pl.UInt8))
    world.make_labels(warehouse, pl.concat([verdicts, other]))
    fs = world.feature_set(warehouse)
    span = Span(world.START, world.START + 3 * DAY)
    read = read_verdicts(warehouse, fs, span)
    assert read.height == verdicts.height
    for days in range(-1, 7):
        as_of = world.START + DAY * days
        expected = [brute_force(rows, i, as_of) for i in sorted(ids)]
        pulled = pull_snapshot(
            warehouse, fs, world.START, span.to_at, as_of, out=tmp_path / f"{days}.parquet"
        )
        frame = pl.read_parquet(pulled.path).sort("install_id")
        assert frame["is_fraud"].to_list() == expected
        assert labels_as_of(frame["install_id"], read, as_of).tolist() == expected
        shuffled = read.sample(fraction=1, shuffle=True, seed=days + 7)
        assert labels_as_of(frame["install_id"], shuffled, as_of).tolist() == expected
        known = frame["label_known_at"].drop_nulls()
        assert known.is_empty() or known.max() <= as_of
        assert frame.filter(pl.col("is_fraud") == 0)["attack_type"].null_count() == sum(
            1 for label in expected if not label
        )


def test_latest_labels_are_the_tables_own(warehouse: Warehouse, tmp_path: Path) -> None:
    fs = world.make_world(warehouse, n=600, days=5)
    latest = read_frame(pull_snapshot(warehouse, fs, out=tmp_path / "a.parquet").path)
    span = Span(world.START, world.START + 10 * DAY)
    verdicts = read_verdicts(warehouse, fs, span)
    assert np.array_equal(labels_as_of(latest.ids, verdicts, None), latest.y)
    early = pull_snapshot(warehouse, fs, as_of=world.START + 2 * DAY, out=tmp_path / "b.parquet")
    assert early.manifest["positives"] < latest.y.sum()
