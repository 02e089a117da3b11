"""Prints what a store holds, as JSON: run in a process of its own, since a process holds one."""

import json
import sys
from typing import Any

from harness import leftovers, table_hashes

from clickward.warehouse.connection import Warehouse, connect
from clickward.warehouse.profile import find_project


def raw_state(warehouse: Warehouse) -> dict[str, list[int]]:
    """Rows and content of raw, without when it was loaded; rows of no committed load apart."""
    raw = warehouse.target.database("raw")
    tables = warehouse.client.query(
        "select name from system.tables where database = {raw:String} and name like '%\\_\\_%'",
        parameters={"raw": raw},
    ).result_rows
    return {
        name: list(
            warehouse.client.query(
                f"select count(), groupBitXor(cityHash64(tuple(* except (_loaded_at)))),"
                f" countIf(_load_id not in (select load_id from {raw}.loads)) from {raw}.{name}"
            ).result_rows[0]
        )
        for (name,) in tables
    }


def ledger_state(warehouse: Warehouse) -> dict[str, list[int]]:
    """Loads that count, and what a build counted of them; without when."""
    found = {}
    for stage, table, key in (
        ("raw", "loads", "load_id, rows_loaded, rows_rejected"),
        ("raw", "rejected_lines", "_load_id, _source_row"),
        ("staging", "load_days", "load_id, event_date"),
    ):
        if warehouse.has_table(stage, table):
            hashed = f"select count(), groupBitXor(cityHash64(tuple({key})))"
            rows = warehouse.client.query(f"{hashed} from {warehouse.table(stage, table)}")
            found[table] = list(rows.result_rows[0])
    return found


def score_state(warehouse: Warehouse) -> list[int]:
    """Current scores without the names and times of runs, and rows of no committed run."""
    marts, ml = warehouse.target.database("marts"), warehouse.target.database("ml")
    if not warehouse.has_table("marts", "scores_current"):
        return []
    return [
        *warehouse.client.query(
            "select count(), groupBitXor(cityHash64(tuple(subject_id, target, model_version, score,"
            f" reason_features, reason_values, is_flagged))) from {marts}.scores_current"
        ).result_rows[0],
        warehouse.scalar(
            f"select count() from {ml}.scores where run_id not in (select run_id from {ml}.runs)"
        ),
    ]


def decision_state(warehouse: Warehouse) -> list[list[Any]]:
    """Decisions on the block list without when and their ids."""
    if not warehouse.has_table("ml", "block_decisions"):
        return []
    found = warehouse.query(
        f"select candidate_id, toString(decision) as decision, toString(valid_from) as valid_from,"
        f" toString(valid_to) as valid_to, evidence, reason"
        f" from {warehouse.table('ml', 'block_decisions')} order by candidate_id"
    )
    return [list(row) for row in found.iter_rows()]


def claim_state(warehouse: Warehouse) -> list[list[Any]]:
    """Claims and their rows without when and their ids; the ids."""
    if not warehouse.has_table("ml", "claims"):
        return [[], [], []]
    claims, rows = (warehouse.table("ml", name) for name in ("claims", "claim_rows"))
    asked = f"select network, month, installs, amount, currency, reason from {claims}"
    frozen = f"select * except (claim_id) from {rows} order by install_id"
    return [
        [str(row) for row in warehouse.query(asked).iter_rows()],
        [str(row) for row in warehouse.query(frozen).iter_rows()],
        warehouse.query(f"select claim_id from {claims} order by claim_id")["claim_id"].to_list(),
    ]


def main() -> None:
    warehouse = connect(find_project(profiles_dir=sys.argv[1], target="local"))
    state = {
        "raw": raw_state(warehouse),
        "ledgers": ledger_state(warehouse),
        "tables": table_hashes(warehouse),
        "scores": score_state(warehouse),
        "decisions": decision_state(warehouse),
        "claims": claim_state(warehouse),
        "leftovers": leftovers(warehouse),
    }
    print(json.dumps(state))


if __name__ == "__main__":
    main()
