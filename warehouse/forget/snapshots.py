"""Registered snapshot files, written again without the rows of the subjects that go."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.forget.plan import alter
from clickward.warehouse.log import log


class Hasher(Protocol):
    """Hash of rows in order, as snapshots are named by."""

    def update(self, frame: pl.DataFrame) -> None: ...

    def hexdigest(self) -> str: ...


NewHasher = Callable[[], Hasher]


def snapshots_with(warehouse: Warehouse, ids: set[str]) -> dict[Path, int]:
    """Rows of these subjects in each snapshot file that has any."""
    found = {}
    for path, row in _snapshots(warehouse) if ids else ():
        column = _manifest(path, row)["subject_id"]
        subjects = pl.scan_parquet(path).filter(pl.col(column).is_in(sorted(ids)))
        if rows := subjects.select(pl.len()).collect().item():
            found[path] = rows
    return found


def rewrite_snapshots(warehouse: Warehouse, ids: set[str], new_hasher: NewHasher) -> None:
    found = snapshots_with(warehouse, ids)
    for path, row in _snapshots(warehouse):
        manifest = _manifest(path, row)
        if path in found:
            manifest = _rewrite(path, manifest, ids, new_hasher)
            log(f"rewrote {path} without {found[path]:,} row(s); its snapshot id stays")
        waiting = _waiting(path)
        if waiting.is_file():
            # Written before the file was put in place: a killed run may have left it.
            written = json.loads(waiting.read_text())
            if written["rows"] == pl.scan_parquet(path).select(pl.len()).collect().item():
                waiting.replace(_manifest_path(path))
                manifest = written
            else:
                waiting.unlink()
        text = json.dumps(manifest, sort_keys=True, ensure_ascii=False)
        if manifest.get("forgotten_rows") and text != row["manifest"]:
            _register(warehouse, manifest, text)


def _snapshots(warehouse: Warehouse) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Registered snapshot files that are still on disk, with their registered rows."""
    if not warehouse.has_table("ml", "snapshots"):
        return
    rows = warehouse.query(
        f"select snapshot_id, path, manifest from {warehouse.table('ml', 'snapshots')}"
        " order by snapshot_id"
    )
    seen = set()
    for row in rows.to_dicts():
        path = warehouse.project.home / row["path"]
        if path.is_file() and path not in seen:
            seen.add(path)
            yield path, row


def _manifest_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.manifest.json")


def _waiting(path: Path) -> Path:
    beside = _manifest_path(path)
    return beside.with_name(f".{beside.name}.forgotten")


def _manifest(path: Path, row: dict[str, Any]) -> dict[str, Any]:
    beside = _manifest_path(path)
    return json.loads(beside.read_text() if beside.is_file() else row["manifest"])


def _rewrite(
    path: Path, manifest: dict[str, Any], ids: set[str], new_hasher: NewHasher
) -> dict[str, Any]:
    """Write the file again without the rows of `ids`, in batches; the manifest it has then."""
    import pyarrow.parquet as pq

    content, rows, positives = new_hasher(), 0, 0
    partial = path.with_name(f".{path.name}.forgetting")
    gone = pl.Series(sorted(ids))
    with pq.ParquetFile(path) as source:
        schema = source.schema_arrow
        with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
            for batch in source.iter_batches():
                frame = pl.DataFrame(pl.from_arrow(batch))
                keep = ~frame[manifest["subject_id"]].is_in(gone.implode())
                frame = frame.filter(keep)
                writer.write_batch(batch.filter(keep.to_arrow()))
                content.update(frame)
                rows += frame.height
                positives += int(frame[manifest["target"]].sum())
    changed = manifest | {
        "rows": rows,
        "positives": positives,
        "content_hash": content.hexdigest(),
        "forgotten_rows": manifest.get("forgotten_rows", 0) + manifest["rows"] - rows,
    }
    _waiting(path).write_text(json.dumps(changed, indent=2, ensure_ascii=False) + "\n")
    partial.replace(path)
    return changed


def _register(warehouse: Warehouse, manifest: dict[str, Any], text: str) -> None:
    alter(
        warehouse,
        warehouse.table("ml", "snapshots"),
        "update rows = {rows:UInt64}, positives = {positives:UInt64},"
        " content_hash = {content_hash:String}, manifest = {manifest:String}"
        " where snapshot_id = {snapshot_id:String}",
        rows=manifest["rows"],
        positives=manifest["positives"],
        content_hash=manifest["content_hash"],
        manifest=text,
        snapshot_id=manifest["snapshot_id"],
    )
