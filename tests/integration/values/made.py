"""Reports of installs made by tests, and what core must hold of them by the oracle."""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from oracles import appsflyer as oracle

from clickward.warehouse.connection import Warehouse

Row = Mapping[str, str]
GOOD = {
    "attributed_touch_time": "2026-01-05 10:00:00",
    "install_time": "2026-01-05 10:02:00",
    "media_source": "net_int",
    "campaign": "c1",
    "af_siteid": "s1",
    "af_sub_siteid": "",
    "af_cost_value": "1.5",
    "af_cost_currency": "USD",
    "country_code": "DE",
    "ip": "192.0.2.1",
    "wifi": "true",
    "carrier": "Carr",
    "operator": "",
    "appsflyer_id": "1767607500000-0000001",
    "advertising_id": "aaaaaaaa-0000-4000-8000-000000000001",
    "idfa": "",
    "oaid": "",
    "android_id": "",
    "idfv": "",
    "os_version": "13",
    "app_id": "com.example.app",
    "gp_click_time": "",
    "gp_install_begin": "",
    "device_download_time": "",
    "contributor1_touch_time": "",
}
COLUMNS = (
    "event_at", "event_date", "arrived_at", "app_id", "publisher", "subpublisher", "campaign",
    "touched_at", "began_at", "downloaded_at", "play_clicked_at", "assisted_at", "ctit_seconds",
    "payout", "payout_currency", "is_on_wifi", "ip", "ip_subnet", "device", "country",
    "os_version", "carrier",
)  # fmt: skip


@dataclass(frozen=True)
class File:
    """Rows as a file holds them, once read as text."""

    path: Path
    zone: str
    rows: Sequence[Row]
    arrived_at: datetime | None = None
    loaded_at: datetime = field(default_factory=lambda: datetime.now(UTC))


def write_csv(path: Path, rows: Sequence[Row]) -> Path:
    """The rows under the names of their columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(rows[0])
        writer.writerows(list(row.values()) for row in rows)
    return path


def compare(warehouse: Warehouse, files: Sequence[File]) -> None:
    """Assert that core, its refusals and the accounting are what Python reads in the files."""
    kept: dict[tuple[str, str, datetime], list[dict[str, object]]] = defaultdict(list)
    reasons: dict[str, int] = defaultdict(int)
    unread: dict[str, int] = defaultdict(int)
    for file in files:
        for row in file.rows:
            try:
                wanted = oracle.install(row, file.zone, file.arrived_at, file.loaded_at)
            except oracle.Rejected as refused:
                reasons[str(refused)] += 1
                unread[str(file.path)] += refused.unread
                continue
            unread[str(file.path)] += int(str(wanted.pop("unread")))
            kept[oracle.identity(row, file.zone)].append(wanted)
    held = core_rows(warehouse)
    assert len(held) == len(kept)
    for copies in kept.values():
        first = min(copy["arrived_at"] or datetime.max.replace(tzinfo=UTC) for copy in copies)  # type: ignore[type-var]
        choices = [
            tuple(copy[name] for name in COLUMNS) for copy in copies
            if (copy["arrived_at"] or datetime.max.replace(tzinfo=UTC)) == first
        ]  # fmt: skip
        standing = [choice for choice in choices if (choice, len(copies) - 1) in held]
        assert standing, f"none of {choices} stands in core"
    assert refusals(warehouse) == dict(reasons)
    for file in files:
        loaded, counted, values = accounts(warehouse, file.path)
        assert loaded == counted == len(file.rows)
        assert (file.path.name, values) == (file.path.name, unread[str(file.path)])


def core_rows(warehouse: Warehouse) -> set[tuple[tuple[object, ...], int]]:
    """Rows of core, with address and device as the texts that their hashes are of."""
    rows = warehouse.query(
        f"select {', '.join(name for name in COLUMNS if name not in ('ip', 'device'))},"
        f" ip_hash, device_hash, duplicate_count from {warehouse.table('core', 'installs')}"
    ).to_dicts()
    ip_of, device_of = Unhashed(warehouse), Unhashed(warehouse)
    return {
        (
            tuple(
                ip_of[row["ip_hash"]] if name == "ip"
                else device_of[row["device_hash"]] if name == "device"
                else in_utc(row[name])
                for name in COLUMNS
            ),
            row["duplicate_count"],
        )
        for row in rows
    }  # fmt: skip


def in_utc(value: object) -> object:
    """The value, a time with the zone that every time here has."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


class Unhashed(dict[int | None, str | None]):
    """The text of each hash: of all texts in raw, and of what the oracle makes of them."""

    def __init__(self, warehouse: Warehouse) -> None:
        names = ("ip", *oracle.DEVICE_IDS)
        texts: set[str] = set()
        for name in names:
            found = warehouse.query(
                f"select distinct {name} as text from"
                f" {warehouse.table('raw', 'appsflyer__installs')}"
            )["text"]
            texts |= {text for text in found if name != "ip"}
            texts |= {text.strip().lower() for text in found}
            texts |= {str(oracle.address(text)) for text in found if name == "ip"}
        hashed = warehouse.query(
            "select text, sipHash64Keyed((select (key_0, key_1) from"
            f" {warehouse.table('raw', 'hash_key')}), text) as hash"
            " from (select arrayJoin({texts:Array(String)}) as text)",
            texts=sorted(texts),
        )
        super().__init__({None: None, **dict(hashed.select("hash", "text").iter_rows())})


def refusals(warehouse: Warehouse) -> dict[str, int]:
    rows = warehouse.query(
        "select toString(reason) as reason, sum(rows) as rows"
        f" from {warehouse.table('core', 'rejected_rows')}"
        " where refused_by = 'staging' group by reason"
    )
    return dict(rows.iter_rows())


def accounts(warehouse: Warehouse, path: Path) -> tuple[int, int, int]:
    """Rows loaded of a file, rows accounted for, and values that could not be read."""
    return warehouse.query(
        "select rows_loaded, kept, unread from (select load_id, toInt64(sum(kept + duplicates +"
        " rejected)) as kept, toInt64(sum(unread_values)) as unread"
        f" from {warehouse.table('staging', 'load_accounting')} group by load_id) as counted"
        f" inner join {warehouse.table('raw', 'loads')} as loads on loads.load_id = counted.load_id"
        " where loads.file_name = {path:String}",
        path=str(path),
    ).row(0)
