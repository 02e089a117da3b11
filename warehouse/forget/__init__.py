"""Removes everything that belongs to one person's id, from every stage and every snapshot.

What is to go is found first and written down (row numbers and keyed hashes, never the id), so
that a run that was killed is finished by the next one, whatever it had already removed.
"""

import json
from collections import Counter

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.forget.identity import Wanted, parse_id
from clickward.warehouse.forget.plan import Plan
from clickward.warehouse.forget.removal import PENDING, carry_out, tick_off, write_down
from clickward.warehouse.forget.search import Search
from clickward.warehouse.forget.snapshots import NewHasher

__all__ = ["Plan", "Wanted", "find", "parse_id", "remove", "resume"]


def find(warehouse: Warehouse, wanted: Wanted) -> Plan:
    """Everything that belongs to the id. Changes nothing."""
    return Search(warehouse, wanted).plan()


def remove(warehouse: Warehouse, plan: Plan, new_hasher: NewHasher) -> None:
    """Carry out `plan`. Killed at any moment, `resume` finishes it."""
    write_down(warehouse, plan)
    carry_out(warehouse, plan, new_hasher)
    tick_off(warehouse)


def resume(warehouse: Warehouse, new_hasher: NewHasher) -> dict[str, int] | None:
    """Finish what a killed run had begun; rows it was to remove, or None where there is none."""
    if not warehouse.has_table("raw", PENDING):
        return None
    pending = warehouse.query(f"select plan from {warehouse.table('raw', PENDING)} order by plan")
    rows: Counter[str] = Counter()
    for text in pending["plan"]:
        plan = Plan(**json.loads(text))
        carry_out(warehouse, plan, new_hasher)
        rows.update(plan.rows)
    if not pending.height:
        return None
    tick_off(warehouse)
    return dict(rows)
