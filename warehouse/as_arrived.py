"""Features as a live scorer would have had them: from the rows that had reached us by then.

A subject is decided on when its own row reaches us, with what had come by that instant. Arrivals
are played again in a scratch schema: each brings its rows to a copy of core, the project's own
models build what changed, and the subjects that came with it are read. A row whose file does not
tell when it came counts as there once it was known. No table of the user's is written.
"""

from datetime import datetime, timedelta

import polars as pl

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.contracts import FeatureSet
from clickward.warehouse.errors import UserError
from clickward.warehouse.log import log, takes_say
from clickward.warehouse.scratch import SEEN_AT, build, record_days, scratch

SEEN = "coalesce(arrived_at, known_at)"
# Days before the first subject that are copied too: the longest window and outcomes' maturity.
REACH = 45


@takes_say
def features_as_arrived(
    warehouse: Warehouse,
    feature_set: FeatureSet,
    first: datetime,
    end: datetime,
    most_arrivals: int = 60,
) -> pl.DataFrame:
    """One row per subject in [`first`, `end`): its id, event_at, decided_at, and its features.

    Every arrival is a build: about ten seconds for a small world. Raises `UserError` where the
    subjects have no rows of their own in core, where none is in the range, or where they came in
    more than `most_arrivals` arrivals.
    """
    table = f"{feature_set.subject}s"
    if table not in SEEN_AT:
        raise UserError(
            f"{feature_set.name} is about a {feature_set.subject}, which never arrives as a row",
            "take a feature set of clicks or installs",
        )
    within = "event_at >= {first:DateTime64(3)} and event_at < {end:DateTime64(3)}"
    arrivals = warehouse.client.query(
        f"select distinct {SEEN} as seen from {warehouse.table('core', table)}"
        f" where {within} and {feature_set.subject_id} in"
        f" (select {feature_set.subject_id} from {feature_set.relation} where {within})"
        " order by seen",
        parameters={"first": first, "end": end},
    ).result_rows
    if not arrivals:
        raise UserError(
            f"{feature_set.name} has no subject from {first} on and before {end}",
            "build it, or take other days",
        )
    if len(arrivals) > most_arrivals:
        raise UserError(
            f"the subjects came in {len(arrivals):,} arrivals, more than {most_arrivals:,}",
            "take fewer days: each arrival is a build",
        )
    names = ", ".join(feature.name for feature in feature_set.features)
    frames = []
    with scratch(warehouse, SEEN_AT) as copy:
        before = datetime(1970, 1, 1)
        for number, (seen,) in enumerate(arrivals, 1):
            log(f"arrival {number} of {len(arrivals)}: {seen}")
            for name in SEEN_AT:
                copy.command(
                    f"insert into {copy.table('core', name)} select * from"
                    f" {warehouse.table('core', name)} where event_date >= toDate({{day:String}})"
                    f" and {SEEN} > {{before:DateTime64(3)}} and {SEEN} <= {{seen:DateTime64(3)}}",
                    day=f"{first - timedelta(days=REACH):%Y-%m-%d}",
                    before=before,
                    seen=seen,
                )
                record_days(copy, name, copy.table("core", name), "sum(cityHash64(tuple(*)))")
            build(copy, f"+{feature_set.name}", "--exclude", *SEEN_AT, "path:models/staging")
            frames.append(
                copy.query(
                    f"select {feature_set.subject_id}, event_at,"
                    f" toTimeZone({{seen:DateTime64(3)}}, 'UTC') as decided_at, {names}"
                    f" from {copy.target.database('features')}.{feature_set.name}"
                    f" where {within} and {feature_set.subject_id} in"
                    f" (select {feature_set.subject_id} from {copy.table('core', table)}"
                    f" where {within} and {SEEN} = {{seen:DateTime64(3)}})",
                    first=first,
                    end=end,
                    seen=seen,
                )
            )
            before = seen
    return pl.concat(frames)


def share_changed(
    warehouse: Warehouse, feature_set: FeatureSet, live: pl.DataFrame
) -> dict[str, float]:
    """For each feature the share of `live` subjects for which the built table says otherwise."""
    key = feature_set.subject_id
    names = [feature.name for feature in feature_set.features]
    built = warehouse.query(
        f"select {key}, {', '.join(names)} from {feature_set.relation}"
        " where event_at >= {first:DateTime64(3)} and event_at <= {last:DateTime64(3)}",
        first=live["event_at"].min(),
        last=live["event_at"].max(),
    )
    both = live.join(built, on=key, how="inner", suffix="_built")
    changed = both.select(pl.col(name).ne_missing(pl.col(f"{name}_built")).mean() for name in names)
    return {name: float(changed[name][0]) for name in names}
