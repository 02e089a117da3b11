"""The block list: candidates from the mart, decisions about them in `ml.block_decisions`."""

import getpass
import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl

from clickward.models_ml.dataset.reading import INSTANT
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.durations import utc_now
from clickward.warehouse.errors import UserError
from clickward.warehouse.run_log import to_json

STATES = ("shadow", "active", "expired")
APPROVE, EXPIRE = "approve", "expire"


def list_candidates(warehouse: Warehouse, state: str | None = None) -> pl.DataFrame:
    """Rows of `mart_blocklist_candidates`, the most spend at risk first.

    Raises `UserError` where the mart is not built.
    """
    if not warehouse.has_table("marts", "mart_blocklist_candidates"):
        raise UserError("mart_blocklist_candidates is not built", "run `clickward build`")
    condition = "where state = {state:String}" if state else ""
    return warehouse.query(
        f"select * from {warehouse.table('marts', 'mart_blocklist_candidates')} {condition}"
        " order by spend_at_risk desc, flagged_installs desc, candidate_id",
        **({"state": state} if state else {}),
    )


def decide(
    warehouse: Warehouse,
    candidate_ids: Sequence[str],
    decision: str,
    reason: str,
    valid_from: date | None = None,
    valid_to: date | None = None,
) -> pl.DataFrame:
    """Write one decision for each candidate, all or none; the rows written.

    `approve` takes candidates that are not active, and none of the control share; `expire` takes
    active ones. The candidate's row stands in the decision as evidence. `valid_from` defaults to
    the day after the last judged. Raises `UserError` naming the first that cannot be decided so.
    """
    if not reason.strip():
        raise UserError("a decision needs a reason", "say why with --reason")
    found = list_candidates(warehouse)
    known = {row["candidate_id"]: row for row in found.to_dicts()}
    rows = [
        _decision(known, candidate_id, decision, reason, valid_from, valid_to)
        for candidate_id in dict.fromkeys(candidate_ids)
    ]
    if not rows:
        raise UserError("no candidate is named", "see `clickward block list`")
    frame = pl.DataFrame(
        rows,
        schema_overrides={"valid_from": pl.Date, "valid_to": pl.Date, "decided_at": INSTANT},
    )
    warehouse.insert(warehouse.table("ml", "block_decisions"), frame)
    return frame


def _decision(
    known: dict[str, dict[str, Any]],
    candidate_id: str,
    decision: str,
    reason: str,
    valid_from: date | None,
    valid_to: date | None,
) -> dict[str, Any]:
    row = known.get(candidate_id)
    if row is None:
        raise UserError(f"no candidate {candidate_id!r}", "see `clickward block list`")
    name = " ".join(filter(None, (row["app_id"], row["publisher"], row["subpublisher"])))
    if decision == APPROVE and row["is_control"]:
        raise UserError(
            f"{candidate_id} ({name}) is in the control share, which is never blocked",
            "verdicts on its traffic tell how blocking would do; leave it out",
        )
    if decision == APPROVE and row["state"] == "active":
        raise UserError(f"{candidate_id} ({name}) is active already", "nothing to do; leave it out")
    if decision == EXPIRE and row["state"] != "active":
        raise UserError(f"{candidate_id} ({name}) is {row['state']}, not active", "leave it out")
    judged_to = row["judged_to"]
    if decision == EXPIRE:
        first, last = row["blocked_from"], valid_to or judged_to
    else:
        first = valid_from or date.fromordinal(judged_to.toordinal() + 1)
        last = valid_to
        if last is not None and last < first:
            raise UserError(f"--until {last} is before the first day {first}", "choose a later day")
    return {
        "decision_id": uuid.uuid4().hex,
        "candidate_id": candidate_id,
        "decision": decision,
        "scope": row["scope"],
        "app_id": row["app_id"],
        "publisher": row["publisher"],
        "subpublisher": row["subpublisher"],
        "valid_from": first,
        "valid_to": last,
        "evidence": to_json(row),
        "reason": reason,
        "decided_by": getpass.getuser(),
        "decided_at": utc_now(),
    }
