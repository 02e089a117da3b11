"""What core should hold of a row of AppsFlyer's `installs`, read by Python alone."""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

NOTHING = {"", "null", "n/a", "none", "nan", "unknown", "undefined", "-"}
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
WALL = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(\.\d+)?)?")
DEVICE_IDS = ("advertising_id", "idfa", "oaid", "android_id", "idfv")
IPV4_WITHIN = [
    ipaddress.IPv6Network(net)
    for net in ("::ffff:0:0/96", "::/96", "::ffff:0:0:0/96", "64:ff9b::/96")
]
EARLIER_TIMES = (
    ("attributed_touch_time", "touched_at"),
    ("gp_click_time", "play_clicked_at"),
    ("gp_install_begin", "began_at"),
    ("device_download_time", "downloaded_at"),
    ("contributor1_touch_time", "assisted_at"),
)
UNREAD = (
    ("gp_install_begin", "began_at"),
    ("device_download_time", "downloaded_at"),
    ("gp_click_time", "play_clicked_at"),
    ("contributor1_touch_time", "assisted_at"),
    ("af_cost_value", "payout"),
    ("wifi", "is_on_wifi"),
    ("country_code", "country"),
)


# Told on the device after the touch, the second and third after the click in the store too.
ON_DEVICE = ("play_clicked_at", "began_at", "downloaded_at")


class Rejected(Exception):
    """Why a row does not reach core; `unread` values are counted of it as well."""

    def __init__(self, reason: str, unread: int) -> None:
        super().__init__(reason)
        self.unread = unread


def said(text: str) -> str | None:
    """The text without white space around it, None where it says nothing."""
    bare = text.strip(" \t\r\n")
    return None if bare.lower() in NOTHING else bare


def words(text: str) -> str | None:
    """Letters of ASCII in lower case, single spaces."""
    bare = said(text)
    if bare is None:
        return None
    lower = re.sub("[A-Z]+", lambda found: found[0].lower(), bare)
    return re.sub(r"\s+", " ", lower, flags=re.ASCII)


def readings(text: str, zone: str) -> tuple[datetime, datetime] | None:
    """The two instants a wall clock of the zone may have shown the text, the earlier first."""
    found = WALL.fullmatch(text.strip(" \t\r\n"))
    if found is None or found[1] == "0000":
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    millis = int(float(found[7] or 0) * 1000 + 1e-6)
    leap = second == 60
    try:
        wall = datetime(year, month, day, hour, minute, 59 if leap else second, millis * 1000)
        if leap:
            wall += timedelta(seconds=1)
        both = [wall.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)]
    except ValueError:
        return None
    except OverflowError:
        # A year that Python does not know in UTC; it is no plausible one anyhow.
        return datetime.min.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
    return min(both), max(both)


def in_order(read: tuple[datetime, datetime], before: Sequence[datetime | None]) -> datetime:
    """The later reading where one of the times before, to the second, lies between the two."""
    early, late = (moment.replace(microsecond=0) for moment in read)
    return read[any(each and early < each.replace(microsecond=0) <= late for each in before)]


def number(text: str) -> float | None:
    """A number that sums can hold, written as Python and C write it."""
    bare = text.strip(" \t\r\n")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", bare):
        return None
    value = float(bare)
    return value if abs(value) < 1e20 else None


def yes_or_no(text: str) -> int | None:
    return {"true": 1, "1": 1, "yes": 1, "false": 0, "0": 0, "no": 0}.get(text.strip().lower())


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address, out of IPv6 where it is one of IPv4 there; leading zeros are decimal."""
    bare = text.strip(" \t\r\n")
    if re.fullmatch(r"\d{1,3}(\.\d{1,3}){3}", bare):
        bare = ".".join(str(int(part)) for part in bare.split("."))
    try:
        found = ipaddress.ip_address(bare)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and int(found) > 1:
        for net in IPV4_WITHIN:
            if found in net:
                return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    return found


def is_somebodys(found: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
    return found is not None and not (
        found.is_unspecified or found.is_loopback or found.is_link_local
    )


def subnet(found: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))


def device(row: Mapping[str, str]) -> str | None:
    for name in DEVICE_IDS:
        bare = said(row.get(name, ""))
        if bare and bare.strip("0-") and bare.lower() != "9774d56d682e549c":
            return bare.lower()
    return None


def site_key(site: str, sub_site: str) -> str | None:
    parts = ["" if said(part) is None else part for part in (site, sub_site)]
    if "/" in "".join(parts):
        return "//".join(part.replace("%", "%25").replace("/", "%2F") for part in parts)
    return "/".join(parts) if parts[1] else parts[0] or None


def version(text: str) -> str | None:
    numbers = re.findall(r"\d+", text)
    if not numbers:
        return None
    minor = re.search(r"\d+\.(\d+)", text)
    return f"{numbers[0]}.{minor[1] if minor else '0'}"


def country(text: str) -> str | None:
    upper = text.strip().upper()
    if upper == "UK":
        return "GB"
    return upper if re.fullmatch("[A-Z]{2}", upper) else None


def install(
    row: Mapping[str, str], zone: str, arrived_at: datetime | None, loaded_at: datetime
) -> dict[str, object]:
    """Columns of `core.installs`; `ip` and `device` as they are hashed; values that are `unread`.

    Raises `Rejected` with the reason where the row does not reach core.
    """
    latest = (arrived_at or loaded_at) + timedelta(days=1)

    def is_plausible(moment: datetime) -> bool:
        return EARLIEST <= moment <= latest

    times: dict[str, datetime | None] = {}
    for name, column in EARLIER_TIMES:
        read = readings(row.get(name, ""), zone)
        # The touch as it is read, plausible or not, and the click in the store come before these.
        touch = readings(row["attributed_touch_time"], zone)
        after = [touch[0] if touch else None] if column in ON_DEVICE else []
        after += [times["play_clicked_at"]] if column in ON_DEVICE[1:] else []
        moment = in_order(read, after) if read else None
        times[column] = moment if moment and is_plausible(moment) else None
    ip = address(row["ip"])
    values = {
        "payout": number(row["af_cost_value"]),
        "payout_currency": (said(row["af_cost_currency"]) or "").upper() or None,
        "is_on_wifi": yes_or_no(row["wifi"]),
        "country": country(row["country_code"]),
    }
    unread = sum(
        said(row.get(name, "")) is not None and (times | values)[column] is None
        for name, column in UNREAD
    )
    unread += said(row["ip"]) is not None and ip is None
    # NaN says nothing elsewhere; as a cost it was a number that could not be reckoned with.
    unread += row["af_cost_value"].strip(" \t\r\n").lower() == "nan"
    read = readings(row["install_time"], zone)
    if read is None:
        raise Rejected("invalid_install_time", unread)
    touch = readings(row["attributed_touch_time"], zone)
    installed_at = in_order(read, [touch[0] if touch else None, *list(times.values())[1:]])
    reason = refusal(row, installed_at, touch[0] if touch else None, is_plausible)
    if reason:
        raise Rejected(reason, unread)
    publisher = words(row["media_source"]) or "organic"
    touched_at = times["touched_at"]
    is_owned = is_somebodys(ip)
    return {
        **times,
        **values,
        "event_at": installed_at,
        "event_date": installed_at.date(),
        "arrived_at": arrived_at,
        "app_id": words(row["app_id"]),
        "publisher": publisher,
        "subpublisher": site_key(row["af_siteid"], row["af_sub_siteid"]),
        "campaign": words(row["campaign"]),
        "ctit_seconds": None
        if publisher == "organic" or touched_at is None
        else (installed_at - touched_at).total_seconds(),
        "ip": str(ip) if is_owned else None,
        "ip_subnet": subnet(ip) if ip and is_owned else None,
        "device": device(row),
        "os_version": version(row["os_version"]),
        "carrier": words(row["carrier"]) or words(row["operator"]),
        "unread": unread,
    }


def refusal(
    row: Mapping[str, str],
    installed_at: datetime,
    touched_at: datetime | None,
    is_plausible: Callable[[datetime], bool],
) -> str | None:
    """The first reason not to keep a row whose install time could be read."""
    if not is_plausible(installed_at):
        return "implausible_install_time"
    if words(row["app_id"]) is None:
        return "missing_app_id"
    if said(row["appsflyer_id"]) is None:
        return "missing_appsflyer_id"
    if said(row["attributed_touch_time"]) is None:
        return None
    if touched_at is None:
        return "invalid_attributed_touch_time"
    return None if is_plausible(touched_at) else "implausible_attributed_touch_time"


def identity(row: Mapping[str, str], zone: str) -> tuple[str, str, datetime]:
    """What makes an install the same one: app and AppsFlyer id as core has them, second."""
    read = readings(row["install_time"], zone)
    assert read is not None
    return (
        words(row["app_id"]) or "",
        row["appsflyer_id"].strip(" \t\r\n"),
        read[0].replace(microsecond=0),
    )
