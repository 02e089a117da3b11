"""Shared by the tests of `clickward load`: runs the command, counts what it left."""

from collections.abc import Callable

from clickward.warehouse.connection import Warehouse

Run = Callable[..., tuple[int, str, str]]


def counts(warehouse: Warehouse) -> tuple[int, int, int]:
    """Rows of talkingdata clicks, rejected lines and committed loads."""
    clicks, rejected, loads = (
        warehouse.scalar(f"select count() from {warehouse.table('raw', name)}")
        for name in ("talkingdata__clicks", "rejected_lines", "loads")
    )
    return clicks, rejected, loads
