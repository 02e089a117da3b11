"""Matches a file's columns with a report's, by name and in either spelling."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from clickward.warehouse.errors import UserError
from clickward.warehouse.sources import Report, normalise


@dataclass(frozen=True)
class Matched:
    """`positions` maps API names to places in the file; `ignored` are names raw does not know."""

    positions: dict[str, int]
    ignored: list[str]


def match_columns(file: str, report: Report, header: Sequence[str]) -> Matched:
    """Find the report's columns in `header`.

    Raises `UserError` for a required column that is missing and for one that comes twice.
    """
    names = [report.spellings.get(normalise(text), text.strip()) for text in header]
    positions = {name: place for place, name in enumerate(names) if name in report.columns}
    missing = [name for name in report.required if name not in positions]
    if missing:
        raise _missing(file, report, header, missing)
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise UserError(
            f"{file}: the header has the column {twice[0]} more than once",
            "expected every column once: remove or rename the other",
        )
    ignored = [name or "(unnamed)" for name in names if name not in report.columns]
    return Matched(positions, ignored)


def _missing(file: str, report: Report, header: Sequence[str], missing: list[str]) -> UserError:
    for separator, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(header) == 1 and separator in header[0]:
            return UserError(
                f"{file}: fields are separated by {name}, expected commas", "export it as CSV"
            )
    found = ", ".join(text.strip() for text in header[:8]) + (", …" if len(header) > 8 else "")
    return UserError(
        f"{file}: the header lacks {', '.join(missing)}; found {found}",
        f"a file of {report.source} {report.name} needs {', '.join(report.required)}",
    )
