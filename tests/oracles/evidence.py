"""What happened around an install, each event once, in plain Python from core tables."""

from collections.abc import Iterable
from datetime import timedelta

from tests.oracles.facts import Row

DAY = timedelta(days=1)
REPORTED = timedelta(days=30)
TIES = {"ip_hash": "same address", "device_hash": "same device"}
CLAIMS = "the click that claims it"
MOST = 20


def events_of(
    own: Row, clicks: Iterable[Row], installs: Iterable[Row], reported: Iterable[Row]
) -> list[Row]:
    """The latest events around `own`, in order of time: `at`, `kind`, `says`, `relations`.

    `clicks` and `installs` are those of its address and device in the day before, or more.
    """
    found = []
    for kind, rows in (("click", clicks), ("install", installs)):
        for row in rows:
            ties = [tie for key, tie in TIES.items() if row[key] and row[key] == own[key]]
            if ties and own["event_at"] - DAY <= row["event_at"] < own["event_at"]:
                says = f"of {row['publisher']} on {row['app_id']}"
                found.append({"at": row["event_at"], "kind": kind, "says": says, "ties": ties,
                              "id": row[f"{kind}_id"]})  # fmt: skip
    claim = f"of {own['publisher']} on {own['app_id']}"
    if own["touched_at"] is not None:
        listed = [one for one in found if one["kind"] == "click" and one["says"] == claim
                  and is_then(one["at"], own["touched_at"])]  # fmt: skip
        if listed:
            one = min(listed, key=lambda one: (-len(one["ties"]), one["id"]))
            one["ties"].insert(0, CLAIMS)
        else:
            found.append({"at": own["touched_at"], "kind": "click", "says": claim,
                          "ties": [CLAIMS], "id": ""})  # fmt: skip
    last = own["event_date"] + REPORTED
    found += [
        {"at": row["event_at"], "kind": "event", "says": f"reported {row['event_name']}",
         "ties": ["its own"], "id": row["event_id"]}
        for row in reported if row["install_id"] == own["install_id"] and row["event_date"] <= last
    ]  # fmt: skip
    latest = sorted(found, key=lambda one: (one["kind"], one["says"], one["id"]))
    latest.sort(key=lambda one: one["at"], reverse=True)
    return [
        {"at": f"{one['at']:%Y-%m-%dT%H:%M:%S}.{one['at'].microsecond // 1000:03d}Z",
         "kind": one["kind"], "says": one["says"], "relations": one["ties"]}
        for one in reversed(latest[:MOST])
    ]  # fmt: skip


def is_then(at, touched) -> bool:  # type: ignore[no-untyped-def]
    """Whether a click is of the instant; one of whole seconds is that of its second."""
    return at == touched or (touched.microsecond == 0 and at.replace(microsecond=0) == touched)
