"""Snapshots: a feature set pulled into one immutable Parquet file with its manifest."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from clickward.models_ml.dataset.labels import as_of_join
from clickward.models_ml.dataset.reading import (
    BETWEEN,
    INSTANT,
    Span,
    check_built,
    days_in,
    feature_columns,
    rebatch,
    resolve_span,
    tidy,
)
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.content import ContentHash, sha256_text
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.durations import format_instant, parse_instant, utc_now
from clickward.warehouse.errors import UserError
from clickward.warehouse.run_log import Run, delete_rows, is_committed, one_row, to_json

# Rows of one Parquet row group: what is held in memory while pulling.
GROUP_ROWS = 65_536
Advance = Callable[[int], None]


@dataclass(frozen=True)
class Snapshot:
    """A pulled file and what its manifest says."""

    path: Path
    manifest: dict[str, Any]
    is_new: bool

    @property
    def snapshot_id(self) -> str:
        return str(self.manifest["snapshot_id"])


def manifest_path(path: Path) -> Path:
    """Where the manifest of a snapshot file stands: beside it."""
    return path.with_name(f"{path.name}.manifest.json")


def pull_snapshot(
    warehouse: Warehouse,
    feature_set: FeatureSet,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    as_of: datetime | None = None,
    out: Path | None = None,
    advance: Advance = lambda rows: None,
) -> Snapshot:
    """Write the rows of `[from_at, to_at)` with labels as known at `as_of` (None: as built).

    `out` defaults to `snapshots/<snapshot_id>.parquet` in the project's home. The file appears
    at once and whole, then its manifest, then its rows in `ml.snapshots` and `ml.runs`; a
    snapshot already registered is not registered again. Raises `UserError` where there are no
    rows.
    """
    columns = check_built(warehouse, feature_set)
    span = resolve_span(warehouse, feature_set, from_at, to_at)
    run = Run("snapshot", feature_set, {"from": span.from_at, "to": span.to_at, "as_of": as_of})
    query = snapshot_query(warehouse, feature_set, columns, as_of)
    folder = out.parent if out else warehouse.project.home / "snapshots"
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{out.name if out else feature_set.name}.partial"
    frames = _stream(warehouse, feature_set, span, query, as_of)
    facts = write_rows(partial, frames, feature_set, advance)
    manifest = _manifest(feature_set, span, as_of, query, facts)
    path = out or folder / f"{manifest['snapshot_id']}.parquet"
    _publish(partial, path, manifest)
    is_new = _register(warehouse, run, manifest, stored_path(warehouse, path))
    return Snapshot(path, manifest, is_new)


def snapshot_query(
    warehouse: Warehouse, feature_set: FeatureSet, columns: list[str], as_of: datetime | None
) -> str:
    """The SQL of a snapshot, with `{from_at}`, `{to_at}` and, where it has one, `{as_of}`."""
    target = f"f.`{feature_set.target}`"
    labels = [f"{target} as label_value", "f.label_known_at as label_known_at"]
    attack = "f.attack_type as attack_type"
    join = ""
    if as_of is not None:
        labels = ["toUInt8(ifNull(v.label_value, 0)) as label_value"]
        labels += ["v.verdict_at as label_known_at"]
        attack = "v.attack_name as attack_type"
        join = (
            f"\nleft join {as_of_join(warehouse, feature_set)} as v"
            f"\non v.subject_id = f.{feature_set.subject_id}"
        )
    if "attack_type" in columns:
        labels.append(attack)
    return (
        f"select toString(f.{feature_set.subject_id}) as subject_key, f.event_at as event_at,"
        f" {', '.join(labels)}, {feature_columns(feature_set)}"
        f"\nfrom {feature_set.relation} as f{join}"
        f"\nwhere {BETWEEN.format(column='f.event_at')}"
        "\norder by f.event_at, subject_key"
    )


def _stream(
    warehouse: Warehouse, feature_set: FeatureSet, span: Span, query: str, as_of: datetime | None
) -> Iterator[pl.DataFrame]:
    """Day by day, so that the engine sorts one day at a time."""
    for day in days_in(warehouse, feature_set, span):
        yield from stream_day(warehouse, feature_set, day, query, as_of)


def stream_day(
    warehouse: Warehouse, feature_set: FeatureSet, day: Span, query: str, as_of: datetime | None
) -> Iterator[pl.DataFrame]:
    """The rows that a snapshot's `query` gives for one day, in frames as the engine sends them."""
    bounds: dict[str, Any] = {"from_at": day.from_at, "to_at": day.to_at}
    if as_of is not None:
        bounds["as_of"] = as_of
    for frame in warehouse.stream(query, **bounds):
        yield tidy(frame, feature_set).rename({"label_value": feature_set.target})


def write_rows(
    path: Path, frames: Iterator[pl.DataFrame], feature_set: FeatureSet, advance: Advance
) -> dict[str, Any]:
    """Write the rows as they come; how many, how many positive, and the hash of the content."""
    import pyarrow.parquet as pq

    content = ContentHash()
    positives = 0
    writer: Any = None
    try:
        for frame in rebatch(frames, GROUP_ROWS):
            table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
            if writer is None:
                writer = pq.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table)
            content.update(frame)
            positives += int(frame[feature_set.target].sum())
            advance(frame.height)
    finally:
        if writer is not None:
            writer.close()
    return {"rows": content.rows, "positives": positives, "content_hash": content.hexdigest()}


def _manifest(
    feature_set: FeatureSet, span: Span, as_of: datetime | None, query: str, facts: dict[str, Any]
) -> dict[str, Any]:
    asked = {
        "from": format_instant(span.from_at),
        "to": format_instant(span.to_at),
        "as_of": None if as_of is None else format_instant(as_of),
    }
    identity = [facts["content_hash"], query, to_json(asked), feature_set.contract_hash]
    return {
        "snapshot_id": sha256_text("\n".join(identity))[:16],
        "feature_set": feature_set.name,
        "relation": feature_set.relation,
        "subject": feature_set.subject,
        "subject_id": feature_set.subject_id,
        "target": feature_set.target,
        "decision_at": feature_set.decision_at,
        **asked,
        **facts,
        "contract_hash": feature_set.contract_hash,
        "contract": [
            {"name": feature.name, "data_type": feature.data_type}
            for feature in feature_set.features
        ],
        "query": query,
        "clickward_version": version("clickward"),
    }


def _publish(partial: Path, path: Path, manifest: dict[str, Any]) -> None:
    """Rename into place. The old manifest goes first: no file ever stands beside another's."""
    beside = manifest_path(path)
    beside.unlink(missing_ok=True)
    partial.replace(path)
    written = beside.with_name(f".{beside.name}.partial")
    written.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    written.replace(beside)


def _register(warehouse: Warehouse, run: Run, manifest: dict[str, Any], path: str) -> bool:
    """Rows in `ml.snapshots`, then `ml.runs`; False where the snapshot stands there already."""
    snapshot_id = manifest["snapshot_id"]
    if is_committed(warehouse, "snapshot", snapshot_id):
        return False
    # A row without its ledger row was left by a killed run.
    delete_rows(warehouse, "snapshots", "snapshot_id", [snapshot_id])
    as_of = manifest["as_of"]
    row = {
        "snapshot_id": snapshot_id,
        "feature_set": manifest["feature_set"],
        "target": manifest["target"],
        "from_at": parse_instant(manifest["from"]),
        "to_at": parse_instant(manifest["to"]),
        "as_of": None if as_of is None else parse_instant(as_of),
        "rows": manifest["rows"],
        "positives": manifest["positives"],
        "contract_hash": manifest["contract_hash"],
        "content_hash": manifest["content_hash"],
        "path": path,
        "manifest": to_json(manifest),
        "created_at": utc_now(),
    }
    instants = dict.fromkeys(("from_at", "to_at", "as_of", "created_at"), INSTANT)
    warehouse.insert(
        warehouse.table("ml", "snapshots"),
        one_row(row, rows=pl.UInt64, positives=pl.UInt64, **instants),
    )
    committed = Run(run.kind, run.feature_set, run.parameters, snapshot_id, run.started_at)
    committed.commit(warehouse, rows=manifest["rows"])
    return True


def stored_path(warehouse: Warehouse, path: Path) -> str:
    """The path as the tables keep it: relative to the project's home where it lies inside."""
    home = warehouse.project.home.resolve()
    absolute = path.resolve()
    return str(absolute.relative_to(home) if absolute.is_relative_to(home) else absolute)


def read_manifest_of(path: Path) -> dict[str, Any]:
    """The manifest beside a snapshot file. Raises `UserError` where either is missing."""
    if not path.is_file():
        raise UserError(f"no snapshot {path}", "pull it with `clickward snapshot`")
    if not manifest_path(path).is_file():
        raise UserError(f"{path} has no manifest beside it", "pull it with `clickward snapshot`")
    return json.loads(manifest_path(path).read_text())


def check_rows(path: Path, rows: int, manifest: dict[str, Any]) -> None:
    """Raises `UserError` where a snapshot file does not have the rows its manifest tells of."""
    if rows != manifest["rows"]:
        raise UserError(
            f"{path} has {rows:,} rows, its manifest says {manifest['rows']:,}",
            "pull it again with `clickward snapshot`",
        )
