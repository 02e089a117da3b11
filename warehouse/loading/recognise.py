"""Tells from a path which of a source's reports a file holds."""

import re
from collections.abc import Sequence
from pathlib import Path

from clickward.warehouse.errors import UserError
from clickward.warehouse.sources import Report

# Words that make a report another one: `blocked_clicks` are not `clicks`.
QUALIFIERS = frozenset({"blocked", "retargeting", "retarget", "postbacks", "aggregated", "organic"})


def recognise(path: Path, reports: Sequence[Report]) -> Report:
    """The report that the file's name or the nearest folder names; the only one needs no name.

    Raises `UserError` asking for `--report`.
    """
    if len(reports) == 1:
        return reports[0]
    found = match_report(path, reports)
    if found is None:
        names = ", ".join(report.name for report in reports)
        raise UserError(
            f"{path}: no folder or file name tells the report, expected one of {names}",
            "name it with --report",
        )
    return found


def other_source(path: Path, source: str, known: Sequence[Report]) -> Report | None:
    """A report of another source that the file's own name tells, such as `truth.parquet`."""
    others = [report for report in known if report.source != source]
    own = [report for report in known if report.source == source]
    name = Path(path.name)
    return None if match_report(name, own) else match_report(name, others)


def match_report(path: Path, reports: Sequence[Report]) -> Report | None:
    """The report named by the path's parts, from the file's name outwards; None where none is."""
    names = sorted(
        ((name, report) for report in reports for name in (report.name, *report.aliases)),
        key=lambda pair: -len(pair[0]),
    )
    for part in reversed(path.parts):
        words = re.sub(r"[^a-z]+", "_", part.lower()).strip("_")
        for name, report in names:
            if f"_{name}_" in f"_{words}_":
                rest = set(f"_{words}_".replace(f"_{name}_", "_", 1).split("_"))
                return None if rest & QUALIFIERS else report
    return None
