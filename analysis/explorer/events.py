"""What happened around an install: each event once, with all that ties it to the install."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.durations import as_utc

MOST_EVENTS = 20
AROUND = timedelta(days=1)
# Events of an install are reported so long.
REPORTED = timedelta(days=30)
# How an event is tied to the install, in the order they are told.
CLAIMS, ADDRESS, DEVICE, OWN = "the click that claims it", "same address", "same device", "its own"
RELATIONS = (CLAIMS, ADDRESS, DEVICE, OWN)
INSTANTS = "select fromUnixTimestamp64Milli(arrayJoin({times:Array(Int64)}), 'UTC')"


def moment(at: datetime) -> str:
    """An instant in UTC as text."""
    return at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def event_text(event: dict[str, Any]) -> str:
    """An event of `events_around` as one line."""
    return f"{event['at']} {event['kind']} {event['says']}, {', '.join(event['relations'])}"


def events_around(
    warehouse: Warehouse, ids: list[str], times: list[datetime]
) -> dict[str, list[dict[str, Any]]]:
    """Events by install, in order of time: the click that claims it, what its address and device
    did in the day before, and what it reported itself; the latest `MOST_EVENTS`.

    Each stands once, with `at`, `kind`, `says` and `relations`, those of `RELATIONS` that hold.
    """
    if not ids:
        return {}
    keys = {
        "ids": [UUID(one) for one in ids],
        "times": [round(as_utc(at).timestamp() * 1000) for at in times],
    }
    of = warehouse.query(
        "select toString(install_id) as id, toUnixTimestamp64Milli(event_at) as row_at,"
        " ifNull(ip_hash, 0) as ip, ifNull(device_hash, 0) as device,"
        " ifNull(toUnixTimestamp64Milli(touched_at), 0) as touched,"
        " toString(app_id) as app, toString(publisher) as network"
        f" from {warehouse.table('core', 'installs')}"
        f" where event_at in ({INSTANTS}) and install_id in {{ids:Array(UUID)}}",
        **keys,
    )
    columns = {name: of[name].to_list() for name in of.columns}
    found = warehouse.query(
        f"""
        with of as (
            select
                one.1 as id, fromUnixTimestamp64Milli(one.2, 'UTC') as row_at, one.3 as ip,
                one.4 as device, fromUnixTimestamp64Milli(one.5, 'UTC') as touched,
                one.6 as app, one.7 as network
            from (
                select arrayJoin(arrayZip(
                    {{of_id:Array(String)}}, {{of_row_at:Array(Int64)}},
                    {{of_ip:Array(UInt64)}}, {{of_device:Array(UInt64)}},
                    {{of_touched:Array(Int64)}}, {{of_app:Array(String)}},
                    {{of_network:Array(String)}}
                )) as one
            )
        ),
        met as (
            select
                id, kind, event_id, happened_at as at, what as says,
                groupUniqArray(tie) as ties, max(may_claim) as is_candidate
            from ({_around(warehouse, times)})
            group by id, kind, event_id, at, says
        ),
        -- Of the clicks that may be the one that claims it, the one with the most ties is; what the
        -- install itself says of it stands where none of them is listed.
        ranked as (
            select
                *, is_candidate and row_number() over (
                    partition by id, is_candidate
                    order by event_id = '', length(ties) desc, event_id
                ) = 1 as is_claim
            from met
        )
        select
            id, at, kind, says,
            if(is_claim, arrayDistinct(arrayPushBack(ties, '{CLAIMS}')), ties) as relations
        from ranked
        where is_claim or event_id != ''
        order by id, at desc, kind, says, event_id limit {MOST_EVENTS} by id
        """,
        **keys,
        **{f"of_{name}": values for name, values in columns.items()},
    )
    told: dict[str, list[dict[str, Any]]] = {}
    for row in found.reverse().iter_rows(named=True):
        event = {
            "at": moment(row["at"]), "kind": row["kind"], "says": row["says"],
            "relations": sorted(row["relations"], key=RELATIONS.index),
        }  # fmt: skip
        told.setdefault(row["id"], []).append(event)
    return told


def _around(warehouse: Warehouse, times: list[datetime]) -> str:
    """SQL of what happened around the installs of `of`, once for each tie to one of them.

    Columns: `id`, `kind`, `event_id`, `happened_at`, `what`, `tie`, `may_claim`.
    """
    first, last = (min(times) - AROUND).date(), max(times).date()
    # Some reports tell whole seconds, others milliseconds.
    is_then = (
        "(events.event_at = of.touched or (of.touched = toStartOfSecond(of.touched)"
        " and toStartOfSecond(events.event_at) = of.touched))"
    )
    is_claim = f"{is_then} and events.app = of.app and events.network = of.network"
    parts = [
        "select id, 'click' as kind, '' as event_id, touched as happened_at,"
        f" concat('of ', network, ' on ', app) as what, '{CLAIMS}' as tie, true as may_claim"
        " from of where toUnixTimestamp64Milli(touched) != 0",
        "select toString(events.install_id), 'event', toString(events.event_id), events.event_at,"
        f" concat('reported ', toString(events.event_name)), '{OWN}', false"
        f" from {warehouse.table('core', 'app_events')} as events where event_date >= '{first}'"
        f" and event_date <= '{last + REPORTED}' and events.install_id in {{ids:Array(UUID)}}",
    ]
    for kind, may_claim in (("click", is_claim), ("install", "false")):
        for key, tie in (("ip", ADDRESS), ("device", DEVICE)):
            parts.append(
                f"select of.id, '{kind}', events.event_id, events.event_at,"
                f" concat('of ', events.network, ' on ', events.app), '{tie}', {may_claim}"
                f" from (select toString({kind}_id) as event_id, event_at,"
                " toString(publisher) as network, toString(app_id) as app,"
                f" assumeNotNull({key}_hash) as same"
                f" from {warehouse.table('core', f'{kind}s')} where event_date >= '{first}'"
                f" and event_date <= '{last}' and {key}_hash in {{of_{key}:Array(UInt64)}}"
                f" and {key}_hash != 0) as events inner join of on of.{key} = events.same"
                " where events.event_at < of.row_at"
                " and events.event_at >= of.row_at - interval 1 day"
            )
    return " union all ".join(parts)
