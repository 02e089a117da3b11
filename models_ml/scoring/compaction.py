"""Removing superseded scores: what was said before, once nobody asks for it any more."""

import uuid
from datetime import timedelta

import polars as pl

from clickward.models_ml.dataset.reading import INSTANT
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.durations import format_duration, utc_now
from clickward.warehouse.errors import UserError
from clickward.warehouse.run_log import one_row, to_json


def compact_scores(warehouse: Warehouse, keep: timedelta) -> tuple[str, int]:
    """Remove scores superseded by a later run that was committed more than `keep` ago.

    The current score of every subject, target and model version stays. A row of `ml.runs` of kind
    `compact` says how many were removed and when; returns its id and that number.
    """
    if not warehouse.has_table("marts", "scores_committed"):
        raise UserError("scores_committed is not built", "run `clickward build`")
    started = utc_now()
    scores = warehouse.table("ml", "scores")
    superseded = f"""
        select subject_id, target, model_version, run_id
        from
            (
                select
                    *,
                    leadInFrame(run_committed_at) over (
                        partition by subject_id, target, model_version
                        order by run_committed_at, run_id desc
                        rows between current row and unbounded following
                    ) as superseded_at,
                    row_number() over (
                        partition by subject_id, target, model_version
                        order by run_committed_at desc, run_id
                    ) as recency
                from {warehouse.table("marts", "scores_committed")}
            )
        where recency > 1 and superseded_at <= {{before:DateTime64(3, 'UTC')}}
    """
    before = started - keep
    rows = int(warehouse.scalar(f"select count() from ({superseded})", before=before))
    if rows:
        warehouse.command(
            f"alter table {scores} delete where (subject_id, target, model_version, run_id) in"
            f" ({superseded})"
            " settings mutations_sync = 2, allow_nondeterministic_mutations = 1",
            before=before,
        )
    run = {
        "run_id": uuid.uuid4().hex,
        "kind": "compact",
        "feature_set": "",
        "target": "",
        "model_version": "",
        "parameters": to_json({"keep": format_duration(keep)}),
        "rows": rows,
        "started_at": started,
        "committed_at": utc_now(),
    }
    types = {"rows": pl.UInt64, "started_at": INSTANT, "committed_at": INSTANT}
    warehouse.insert(warehouse.table("ml", "runs"), one_row(run, **types))
    return str(run["run_id"]), rows
