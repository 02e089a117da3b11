"""The adapter: every clickhouse macro and method, on another connection."""

from dbt.adapters.clickhouse.impl import ClickHouseAdapter

from dbt.adapters.chdb.connections import ChDBConnectionManager


class ChDBAdapter(ClickHouseAdapter):
    """dbt-clickhouse on chDB; deleted the day dbt-clickhouse ships a driver of its own."""

    ConnectionManager = ChDBConnectionManager
