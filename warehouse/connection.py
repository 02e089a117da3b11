"""One function gives every command its client, from the profile dbt reads."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import polars as pl

from clickward.warehouse.errors import ConnectionFailed, UserError
from clickward.warehouse.profile import Project, Target, read_target
from clickward.warehouse.store import open_store, resolve_store

# ClickHouse error codes by which a server says that it will not let us in.
REFUSED = {
    192: "unknown user",
    193: "wrong password",
    194: "password required",
    516: "wrong user or password",
}


@dataclass
class Warehouse:
    """A connected engine: the client, and the names of its databases."""

    project: Project
    target: Target
    client: Any

    def table(self, stage: str, name: str) -> str:
        """Qualified name of a table, such as `clickward_core.clicks`."""
        return f"{self.target.database(stage)}.{name}"

    def query(self, sql: str, **parameters: Any) -> pl.DataFrame:
        """Rows of `sql` as a frame; `{name:Type}` in it takes `parameters`."""
        with engine_errors():
            frame = self.client.query_df_arrow(
                sql, parameters=parameters or None, dataframe_library="polars"
            )
        return frame

    def stream(self, sql: str, **parameters: Any) -> Iterator[pl.DataFrame]:
        """Rows of `sql` in batches, on a handle of its own so that others may write meanwhile."""
        reader = connect(self.project)
        try:
            with (
                engine_errors(),
                reader.client.query_df_arrow_stream(
                    sql, parameters=parameters or None, dataframe_library="polars"
                ) as batches,
            ):
                yield from batches
        finally:
            reader.close()

    def scalar(self, sql: str, **parameters: Any) -> Any:
        """The first value of the first row, or None where there is no row."""
        with engine_errors():
            rows = self.client.query(sql, parameters=parameters or None).result_rows
        return rows[0][0] if rows else None

    def command(self, sql: str, **parameters: Any) -> None:
        """Run a statement that returns nothing."""
        with engine_errors():
            self.client.command(sql, parameters=parameters or None)

    def insert(self, table: str, frame: pl.DataFrame) -> None:
        """Append `frame` to `table`, columns by name. One call is one insert, not one commit."""
        with engine_errors():
            self.client.insert_df_arrow(table, frame)

    def has_table(self, stage: str, name: str) -> bool:
        return bool(self.scalar(f"exists table {self.table(stage, name)}"))

    def columns(self, stage: str, name: str) -> set[str]:
        """Names of a table's columns; none where it does not exist."""
        found = self.query(
            "select name from system.columns"
            " where database = {database:String} and table = {name:String}",
            database=self.target.database(stage),
            name=name,
        )
        return set(found["name"])

    def close(self) -> None:
        self.client.close()


def connect(project: Project) -> Warehouse:
    """A `Warehouse` on the profile's target. Raises `ConnectionFailed` with the remedy."""
    target = read_target(project)
    if target.is_embedded:
        store = resolve_store(target.options["path"], project.profiles_dir)
        return Warehouse(project, target, open_store(store, dict(target.settings)))
    return Warehouse(project, target, _open_server(target))


@contextmanager
def connection(project: Project) -> Iterator[Warehouse]:
    """A connection to the project's engine, closed at the end."""
    warehouse = connect(project)
    try:
        yield warehouse
    finally:
        warehouse.close()


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn the engine's exceptions into `UserError` with ClickHouse's own first line."""
    from clickhouse_connect.driver.exceptions import ClickHouseError

    try:
        yield
    except ClickHouseError as error:
        raise UserError(f"the engine refused: {_first_line(error)}") from error


def _open_server(target: Target) -> Any:
    import clickhouse_connect
    from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

    # Its own log lines would stand beside the message that says the same in plain words.
    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)
    options = target.options
    address = f"{options['host']}:{options['port']}"
    try:
        return clickhouse_connect.get_client(
            host=options["host"],
            port=options["port"],
            username=options.get("user") or "default",
            password=options.get("password") or "",
            interface="https" if options.get("secure") else "http",
            settings=dict(target.settings),
            query_limit=0,
            connect_timeout=10,
            send_receive_timeout=options.get("send_receive_timeout", 3600),
            # A handle is one session, so that concurrent streams and inserts do not collide.
            autogenerate_session_id=False,
            client_name="clickward",
        )
    except OperationalError as error:
        raise ConnectionFailed(
            f"no ClickHouse server answers at {address} (target {target.name!r})",
            "check CLICKWARD_HOST and CLICKWARD_PORT, or use --target local",
        ) from error
    except DatabaseError as error:
        code = getattr(error, "code", None)
        if code in REFUSED or "AUTHENTICATION_FAILED" in str(error):
            raise ConnectionFailed(
                f"the server {address} refused user {options.get('user')!r}: "
                f"{REFUSED.get(code or 516)}",
                "set CLICKWARD_USER and CLICKWARD_PASSWORD",
            ) from error
        raise ConnectionFailed(f"the server {address} refused: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:1000] if text else type(error).__name__
