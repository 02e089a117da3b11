"""An id as a person gives it, and the columns where it may stand."""

import ipaddress
import re
import uuid
from dataclasses import dataclass

from clickward.warehouse.errors import UsageError

ID_COLUMNS = (
    "advertising_id", "idfa", "oaid", "android_id", "idfv", "imei", "customer_user_id",
    "appsflyer_id", "ip",
)  # fmt: skip
# Texts that may quote an id. A short number in them is more likely a price than a person.
TEXT_COLUMNS = (
    "original_url", "http_referrer", "gp_referrer", "event_value", "af_sub1", "af_sub2",
    "af_sub3", "af_sub4", "af_sub5",
)  # fmt: skip
# Where IPv6 holds an address of IPv4, as `macros/staging/addresses.sql` reads it.
IPV4_WITHIN = ("::ffff:0:0", "::", "::ffff:0:0:0", "64:ff9b::")
QUOTED_FROM = 15
SHORTEST = 6


@dataclass(frozen=True)
class Wanted:
    """An id as it may be written: `lower` in any raw column, `exact` as it may have been hashed."""

    lower: tuple[str, ...]
    exact: tuple[str, ...]
    is_ip: bool
    subject: str | None

    @property
    def pattern(self) -> str:
        """RE2 of the id as a whole token of a lower-case text."""
        inner = "|".join(re.escape(text) for text in self.lower)
        if self.is_ip:
            return rf"(^|[^0-9a-z.:])({inner})($|[^0-9a-z.:]|[.:]($|[^0-9a-z]))"
        return rf"(^|[^0-9a-z])({inner})($|[^0-9a-z])"


def parse_id(text: str) -> Wanted:
    """The id a person gave. Raises `UsageError` where it is too short or stands for no id."""
    given = text.strip()
    try:
        address = ipaddress.ip_address(given)
    except ValueError:
        address = None
    if address is None and len(given) < SHORTEST:
        raise UsageError(
            f"the id has {len(given)} characters, expected an IP address or at least {SHORTEST}",
            "give the whole id",
        )
    if re.fullmatch(r"[0-]*|unknown", given.lower()):
        raise UsageError("this id stands for 'no id': it belongs to nobody", "give another one")
    forms = {given, given.lower(), given.upper()}
    if isinstance(address, ipaddress.IPv6Address):
        address = _ipv4_of(address) or address
    if isinstance(address, ipaddress.IPv4Address):
        for start in map(ipaddress.IPv6Address, IPV4_WITHIN):
            held = start + int(address)
            dotted = f"{start.compressed.removesuffix('0:0')}{address}"
            forms |= {dotted, dotted.upper(), held.compressed, held.exploded}
    if address is not None:
        forms |= {address.compressed, address.exploded}
        forms |= {address.compressed.upper(), address.exploded.upper()}
    try:
        subject = str(uuid.UUID(given)) if len(given) == 36 else None
    except ValueError:
        subject = None
    lower = tuple(sorted({form.lower() for form in forms}))
    return Wanted(lower, tuple(sorted(forms)), address is not None, subject)


def _ipv4_of(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    last = int(address) & 0xFFFFFFFF
    start = ipaddress.IPv6Address(int(address) - last)
    if last > 1 and start in map(ipaddress.IPv6Address, IPV4_WITHIN):
        return ipaddress.IPv4Address(last)
    return None
