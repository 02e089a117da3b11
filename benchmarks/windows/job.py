"""What every engine computes: one Parquet file per entity, one row per click."""

from datetime import timedelta

# A window is half-open: events with time in [t - w, t).
WINDOWS = {
    "1m": timedelta(minutes=1),
    "10m": timedelta(minutes=10),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
}
# Entity -> key, and the columns whose distinct values are counted.
ENTITIES = {
    "ip": (["ip"], ["app", "device", "channel"]),
    "ip_app": (["ip", "app"], []),
    "ip_device_os": (["ip", "device", "os"], []),
}
DISTINCT_WINDOWS = ["1h", "1d"]


def columns(entity: str) -> list[str]:
    """Names of the columns asked for; `seconds_since_click` looks back a day."""
    _, distinct = ENTITIES[entity]
    return [
        *[f"{entity}__clicks_{window}" for window in WINDOWS],
        *[f"{entity}__{column}s_{window}" for column in distinct for window in DISTINCT_WINDOWS],
        f"{entity}__seconds_since_click",
    ]
