"""Raw events behind a row: each once, with all that ties it to the row."""

from datetime import datetime, timedelta
from typing import Any

import polars as pl
from reckoning import Reckoning, rows_of

from clickward.analysis.explorer.events import event_text, events_around
from clickward.warehouse.connection import Warehouse
from tests.oracles.evidence import events_of
from tests.oracles.facts import Row

THREE = ["the click that claims it", "same address", "same device"]


def test_each_event_around_an_install_is_told_once(built: Warehouse, known: Reckoning) -> None:
    """All installs of a day against the clicks, installs and events that core holds."""
    day = max(row["event_date"] for row in known.installs)
    own = [row for row in known.installs if row["event_date"] == day]
    clicks = rows_of(built, "core", "clicks", f"event_date >= '{day - timedelta(days=1)}'")
    found = events_around(
        built, [row["install_id"] for row in own], [row["event_at"] for row in own]
    )
    for row in own:
        expected = events_of(row, clicks, known.installs, known.events)
        assert found.get(row["install_id"], []) == expected, row["install_id"]
    ties = [event["relations"] for events in found.values() for event in events]
    assert ["same address", "same device"] in ties
    assert THREE in ties
    assert ["its own"] in ties


def planted(warehouse: Warehouse, chosen: Row, clicks: list[Row]) -> list[dict[str, Any]]:
    """The events of an install with these clicks alone on its address and device."""
    name = warehouse.table("core", "clicks")
    for one in clicks:
        warehouse.command(
            f"insert into {name} select * replace (generateUUIDv4() as click_id,"
            f" toDateTime64('{one['at']:%Y-%m-%d %H:%M:%S.%f}', 3, 'UTC') as event_at,"
            f" toDate('{one['at']:%Y-%m-%d}') as event_date, {one['ip']} as ip_hash,"
            f" {one['device']} as device_hash, '{chosen['app_id']}' as app_id,"
            f" '{one.get('publisher', chosen['publisher'])}' as publisher)"
            f" from {name} limit 1"
        )
    told = events_around(warehouse, [chosen["install_id"]], [chosen["event_at"]])
    return [event for event in told[chosen["install_id"]] if event["kind"] == "click"]


def test_one_click_with_three_ties_is_one_event(copied: Warehouse, known: Reckoning) -> None:
    """Also where the install's report tells whole seconds and the click's milliseconds."""
    chosen = next(row for row in known.installs if row["touched_at"] and row["ip_hash"])
    at = chosen["event_at"].replace(microsecond=0) - timedelta(seconds=60)
    copied.command(
        f"alter table {copied.table('core', 'installs')} update"
        f" touched_at = toDateTime64('{at:%Y-%m-%d %H:%M:%S}', 3, 'UTC'), ip_hash = 77,"
        f" device_hash = 78 where install_id = '{chosen['install_id']}'"
        " settings mutations_sync = 2"
    )
    later = at + timedelta(milliseconds=417)
    only = {"at": later, "ip": 77, "device": 78}
    other = {"at": later + timedelta(seconds=5), "ip": 77, "device": 1, "publisher": "rival_int"}
    told = planted(copied, chosen, [only, other])
    own = f"of {chosen['publisher']} on {chosen['app_id']}"
    assert told == [
        {"at": text(later), "kind": "click", "says": own, "relations": THREE},
        {"at": text(other["at"]), "kind": "click", "says": f"of rival_int on {chosen['app_id']}",
         "relations": ["same address"]},
    ]  # fmt: skip
    assert event_text(told[0]) == f"{text(later)} click {own}, {', '.join(THREE)}"
    # Of two clicks that may be it, the one with more ties is; both are told.
    told = planted(copied, chosen, [only | {"device": 2}])
    assert sorted(one["relations"] for one in told) == [["same address"], ["same address"], THREE]


def test_a_click_that_is_not_listed_stands_by_itself(copied: Warehouse, known: Reckoning) -> None:
    """The limit counts events, not ties."""
    chosen = next(row for row in known.installs if row["touched_at"] and row["ip_hash"])
    copied.command(
        f"alter table {copied.table('core', 'installs')} update ip_hash = 77, device_hash = 78"
        f" where install_id = '{chosen['install_id']}' settings mutations_sync = 2"
    )
    first = chosen["event_at"] - timedelta(hours=20)
    many = [{"at": first + timedelta(minutes=n), "ip": 77, "device": 78} for n in range(19)]
    told = planted(copied, chosen, many)
    claims = [one for one in told if one["relations"] == THREE[:1]]
    assert [one["at"] for one in claims] == [text(chosen["touched_at"])]
    all_told = events_around(copied, [chosen["install_id"]], [chosen["event_at"]])
    rest = 20 - (len(all_told[chosen["install_id"]]) - len(told))
    assert len(told) == min(20, rest)
    assert pl.DataFrame(told).n_unique() == len(told)


def text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
