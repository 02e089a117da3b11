"""The adapter: every clickhouse macro and method, on another connection."""

from dbt.adapters.base.meta import available
from dbt.adapters.clickhouse.impl import ClickHouseAdapter
from dbt.adapters.exceptions import FailedToConnectError

from clickward.warehouse.errors import UserError
from clickward.warehouse.hash_key import keep_hash_key
from dbt.adapters.chdb.connections import ChDBConnectionManager


class ChDBAdapter(ClickHouseAdapter):
    """dbt-clickhouse on chDB; deleted the day dbt-clickhouse ships a driver of its own."""

    ConnectionManager = ChDBConnectionManager

    @available
    def keep_hash_key(self, table: str) -> None:
        """Keep the key of hashes, in no statement that dbt would log."""
        try:
            keep_hash_key(self.connections.get_thread_connection().handle, table)
        except UserError as error:
            raise FailedToConnectError(f"{error.message}: {error.hint}") from error
