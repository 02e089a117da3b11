"""The job as an engineer of clickward states it, and dbt's rendering of it."""

import json
from datetime import date, timedelta
from pathlib import Path

from benchmarks.windows.clicks import DAYS
from benchmarks.windows.job import DISTINCT_WINDOWS, ENTITIES, WINDOWS
from clickward.warehouse.build import render
from clickward.warehouse.profile import find_project

STRUCTURE = (
    "click_id UInt32, event_at DateTime64(3), ip UInt32, app UInt32, device UInt32, os UInt32,"
    " channel UInt32"
)


def statements(clicks: Path, out: Path) -> list[str]:
    """SQL that reads `clicks` and writes a Parquet file for each entity into `out`."""
    templates = [_template(entity, clicks) for entity in ENTITIES]
    queries = render(find_project(), "\n-- next\n".join(templates)).split("\n-- next\n")
    return [
        f"insert into function file('{out / entity}.parquet', Parquet)"
        f" select * except (event_at, event_date) from ({query})"
        for entity, query in zip(ENTITIES, queries, strict=True)
    ]


def _template(entity: str, clicks: Path) -> str:
    keys, distinct = ENTITIES[entity]
    aggregates = [
        {"measure": "clicks", "aggregate": "count"},
        *[
            {
                "measure": f"{column}s",
                "aggregate": "count_distinct",
                "of": column,
                "windows": DISTINCT_WINDOWS,
            }
            for column in distinct
        ],
        {"measure": "seconds_since_click", "aggregate": "seconds_since_last", "windows": ["1d"]},
    ]
    days = [f"toDate('{date(2026, 1, 1) + timedelta(days=n)}')" for n in range(DAYS)]
    subjects = (
        f"(select *, toDate(event_at) as event_date from file('{clicks}', Parquet, '{STRUCTURE}'))"
    )
    return (
        "{% set rows %}{{ window_rows("
        f"{json.dumps(subjects)}, 'click_id', {keys}, {distinct}, none, {json.dumps(days)}, 1,"
        " 'true') }}{% endset %}{{ window_query("
        f"rows, 'click_id', '{entity}', {keys}, {list(WINDOWS)}, {json.dumps(aggregates)},"
        f" {distinct}) }}}}"
    )
