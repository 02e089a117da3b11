"""Opens dbt's connections on the embedded engine."""

from pathlib import Path
from typing import Any

from dbt.adapters.clickhouse.connections import ClickHouseConnectionManager
from dbt.adapters.clickhouse.httpclient import ChHttpClient
from dbt.adapters.contracts.connection import Connection, ConnectionState
from dbt.adapters.exceptions import FailedToConnectError
from dbt.flags import get_flags

from clickward.warehouse.errors import UserError
from clickward.warehouse.private import keep_private
from clickward.warehouse.profile import Project
from clickward.warehouse.store import open_store
from dbt.adapters.chdb.credentials import ChDBCredentials


class ChDBClient(ChHttpClient):
    """The ClickHouse client of dbt, carried by the engine in this process."""

    def _create_client(self, credentials: ChDBCredentials) -> Any:
        # The embedded engine has no HTTP sessions: one handle is one session.
        settings = {k: v for k, v in self._conn_settings.items() if k != "session_id"}
        return open_store(credentials.store, settings)

    def insert(self, *words: Any, **options: Any) -> None:
        """Rows that stand in no statement."""
        self._client.insert(*words, **options)


class ChDBConnectionManager(ClickHouseConnectionManager):
    """As for a server, without its retries: a folder is there or it is not."""

    TYPE = "chdb"

    @classmethod
    def open(cls, connection: Connection) -> Connection:
        if connection.state == ConnectionState.OPEN:
            return connection
        flags = get_flags()
        folders = (Path(folder).resolve() for folder in (flags.PROJECT_DIR, flags.PROFILES_DIR))
        keep_private(Project(*folders))
        try:
            connection.handle = ChDBClient(cls.get_credentials(connection.credentials))
        except UserError as error:
            # No handle, or dbt opens another one when it cleans up, and ends as if all were well.
            connection.handle = None
            connection.state = ConnectionState.FAIL
            raise FailedToConnectError(f"{error}") from error
        connection.state = ConnectionState.OPEN
        return connection
