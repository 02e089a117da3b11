"""What a profile must say to open the embedded engine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbt.adapters.clickhouse.credentials import ClickHouseCredentials
from dbt.flags import get_flags

from clickward.warehouse.store import resolve_store


@dataclass
class ChDBCredentials(ClickHouseCredentials):
    """ClickHouse credentials whose address is a folder instead of a host."""

    path: str = ".clickward/store"

    @property
    def type(self) -> str:
        return "chdb"

    @property
    def unique_field(self) -> str:
        return self.path

    @property
    def store(self) -> Path:
        """The store's folder; a relative path starts at the profile's parent folder."""
        return resolve_store(self.path, Path(get_flags().PROFILES_DIR))

    def _connection_keys(self) -> tuple[Any, ...]:
        return ("path", "schema", "custom_settings")
