"""What a profile must say to open the embedded engine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbt.adapters.clickhouse.credentials import ClickHouseCredentials
from dbt.adapters.exceptions import FailedToConnectError
from dbt.flags import get_flags

from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import refuse_schema
from clickward.warehouse.store import resolve_store


@dataclass
class ChDBCredentials(ClickHouseCredentials):
    """ClickHouse credentials whose address is a folder instead of a host."""

    path: str = ".clickward/store"

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            refuse_schema(str(self.schema))
        except UserError as error:
            raise FailedToConnectError(str(error)) from error

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
