"""What was decided about a subject: flag, block by vendor or list, claim; what a click led to."""

from typing import Any

from clickward.warehouse.connection import Warehouse


def decisions_on(
    warehouse: Warehouse, subject: str, cleaned: dict[str, Any], scores: list[dict[str, Any]]
) -> dict[str, Any]:
    """`says` in a sentence, and what it rests on."""
    in_force = next((score for score in scores if score["is_in_force"]), None)
    if subject == "click":
        claimed_by = _installs_of_click(warehouse, cleaned)
        return {
            "says": f"{_led_to(claimed_by)}; {_scored(in_force)}; a click is never flagged",
            "installs": claimed_by,
        }
    blocked = _on_block_list(warehouse, cleaned)
    claim = _claimed(warehouse, cleaned["install_id"])
    said = [_flagged(in_force)]
    if cleaned["is_blocked"]:
        said.append("the attribution vendor blocked it: it is not paid")
    elif cleaned["is_organic"]:
        said.append("it is organic: nobody is paid for it")
    if blocked:
        said.append(
            f"its source is on the block list from {blocked['valid_from']}: {blocked['reason']}"
        )
    if claim:
        said.append(f"claimed back from {cleaned['publisher']} in claim {claim}")
    return {
        "says": "; ".join(said),
        "is_flagged": None if in_force is None else in_force["is_flagged"],
        "is_blocked_by_vendor": bool(cleaned["is_blocked"]),
        "block_decision": blocked,
        "claim_id": claim,
    }


def _flagged(score: dict[str, Any] | None) -> str:
    if score is None:
        return "it has no score: nothing was decided"
    if score["is_flagged"] is None:
        return "its model has no threshold: nothing is flagged"
    side = "at or above" if score["is_flagged"] else "below"
    verb = "flagged" if score["is_flagged"] else "not flagged"
    return (
        f"{verb}: its score {score['score']:.4f} is {side}"
        f" {score['threshold']:.4f} ({score['threshold_name']})"
    )


def _scored(score: dict[str, Any] | None) -> str:
    if score is None:
        return "it has no score of its own, and counts in the features of installs"
    return f"scored {score['score']:.4f} for {score['target']} by {score['model_version']}"


def _led_to(installs: list[dict[str, Any]]) -> str:
    if not installs:
        return "no install is attributed to it"
    return "attributed to it: " + ", ".join(f"install {one['install_id']}" for one in installs)


def _installs_of_click(warehouse: Warehouse, click: dict[str, Any]) -> list[dict[str, Any]]:
    """Installs that name this click as theirs: its app, publisher and instant."""
    return warehouse.query(
        "select toString(install_id) as install_id, event_at, ctit_seconds"
        f" from {warehouse.table('core', 'installs')} where app_id = {{app:String}}"
        " and publisher = {publisher:String} and touched_at = {at:DateTime64(3, 'UTC')}"
        " and (device_hash is null or {device:Nullable(UInt64)} is null"
        " or device_hash = {device:Nullable(UInt64)}) order by event_at",
        app=click["app_id"],
        publisher=click["publisher"],
        at=click["event_at"],
        device=click["device_hash"],
    ).to_dicts()


def _on_block_list(warehouse: Warehouse, install: dict[str, Any]) -> dict[str, Any] | None:
    """The decision by which the install's source was blocked on its day."""
    if not warehouse.has_table("marts", "block_decisions_latest"):
        return None
    rows = warehouse.query(
        "select candidate_id, toString(scope) as scope, valid_from, valid_to, reason, decided_by,"
        f" decided_at from {warehouse.table('marts', 'block_decisions_latest')}"
        " where decision = 'approve' and app_id = {app:String} and publisher = {publisher:String}"
        " and (scope = 'publisher' or subpublisher = {subpublisher:String})"
        " and valid_from <= {day:Date} and (valid_to is null or valid_to >= {day:Date}) limit 1",
        app=install["app_id"],
        publisher=install["publisher"],
        subpublisher=install["subpublisher"] or "",
        day=install["event_date"],
    ).to_dicts()
    return rows[0] if rows else None


def _claimed(warehouse: Warehouse, install_id: str) -> str | None:
    return warehouse.scalar(
        f"select claim_id from {warehouse.table('ml', 'claim_rows')} where install_id = {{id:UUID}}"
        f" and claim_id in (select claim_id from {warehouse.table('ml', 'claims')}) limit 1",
        id=install_id,
    )
