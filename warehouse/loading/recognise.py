"""Tells from where a file lies and what it is called which report it holds, and in which zone.

A folder `t=…` decides alone: it is the topic of a Data Locker. Else the file's name tells, in the
form of the vendor's export (`com.app_organic-installs_2026-01-05_2026-01-06_UTC.csv`) or as words
(`installs_2026.csv`), else the nearest folder that is called as a report is, from the argument of
the command line downwards. Nothing else does: no `app_id=`, no `dt=`, no folder above.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clickward.warehouse.errors import UserError
from clickward.warehouse.loading.file_name import FileName, find_words, normal
from clickward.warehouse.sources import Report

# Words that make a report another one: `blocked_clicks` are not `clicks`.
QUALIFIERS = frozenset(
    [
        "aggregate",
        "aggregated",
        "attribution",
        "blocked",
        "cohort",
        "fraud",
        "organic",
        "post",
        "postback",
        "postbacks",
        "rejected",
        "retarget",
        "retargeted",
        "retargeting",
        "skad",
        "skadnetwork",
        "skan",
    ]
)
TOPIC = re.compile(r"t=(.+)", re.IGNORECASE)


@dataclass(frozen=True)
class Told:
    """What tells a file's report: `report` is ours, or None where `what` is not loaded.

    `by` is the part of the path that tells.
    """

    report: Report | None
    what: str
    by: str


@dataclass(frozen=True)
class Names:
    """Every name of a source's reports, ours and those that are not loaded."""

    reports: Mapping[str, Report]
    others: Mapping[str, str]

    @classmethod
    def of(cls, reports: Sequence[Report], others: Mapping[str, str]) -> "Names":
        ours = {normal(name): r for r in reports for name in (r.name, *r.aliases)}
        return cls(ours, {normal(name): what for name, what in others.items()})

    def __len__(self) -> int:
        """How many reports there are, ours and others."""
        return len({report.name for report in self.reports.values()} | set(self.others.values()))

    def told(self, name: str, by: str) -> Told | None:
        """The report of this name, which may end in `_report` as in the vendor's API."""
        for known in (normal(name), normal(name).removesuffix("_report")):
            if known in self.reports:
                return Told(self.reports[known], self.reports[known].name, by)
            if known in self.others:
                return Told(None, self.others[known], by)
        return None


def recognise(path: Path, searched: Path | None, names: Names) -> Told | None:
    """What the path tells of the file's report; None where it tells nothing.

    `searched` is the folder named on the command line in which the file was found, None where the
    file itself was named. Raises `UserError` where the name tells of two reports.
    """
    # A source of one report has no topics: there `t=` may be anything.
    if len(names) > 1 and (topic := topic_of(path)):
        return names.told(topic, f"t={topic}") or Told(None, f"the topic {topic}", f"t={topic}")
    return by_name(path, names) or _by_folder(path, searched, names)


def topic_of(path: Path) -> str | None:
    """The topic of a Data Locker in which the file lies: the nearest folder `t=…`."""
    found = (TOPIC.fullmatch(part) for part in reversed(path.absolute().parts[:-1]))
    return next((topic[1] for topic in found if topic), None)


def by_name(path: Path, names: Names) -> Told | None:
    """The report that the file's own name tells."""
    name = FileName.read(path.name)
    if name.before_date:
        last = name.before_date[-1]
        for count in range(len(name.before_date), 0, -1):
            if told := names.told("_".join(name.before_date[-count:]), path.name):
                before = name.before_date[: len(name.before_date) - count]
                return None if before and before[-1] in QUALIFIERS else told
        if "-" in last:
            # The vendor's name of some other report: a word of it must not make it ours.
            return None
    return _by_words(path, name.words, names)


def _by_words(path: Path, words: list[str], names: Names) -> Told | None:
    found: dict[str, Told] = {}
    rest = words
    for known in sorted({*names.reports, *names.others}, key=len, reverse=True):
        while (place := find_words(rest, known.split("_"))) is not None:
            told = names.told(known, path.name)
            assert told is not None
            found[told.what] = told
            rest = [*rest[:place], "", *rest[place + len(known.split("_")) :]]
    if not found or QUALIFIERS.intersection(rest):
        return None
    if len(found) > 1:
        raise UserError(
            f"{path}: its name tells of {' and of '.join(sorted(found))}",
            "name the report with --report, or rename the file",
        )
    return next(iter(found.values()))


def _by_folder(path: Path, searched: Path | None, names: Names) -> Told | None:
    if searched is None:
        return None
    below = path.relative_to(searched).parts[:-1]
    for part in reversed((searched.absolute().name, *below)):
        if told := names.told(part, part):
            return told
    return None


def choose(path: Path, told: Told | None, chosen: Sequence[Report], is_named: bool) -> Told:
    """What to do with a file: the report to load it as, or what it is that is left out.

    `chosen` are the reports to load; the only one is taken where nothing is told. Raises
    `UserError` where nothing tells which, and where the command line names both the file
    (`is_named`) and another report than the file's.
    """
    if told is None:
        if len(chosen) == 1:
            return Told(chosen[0], chosen[0].name, "--report")
        raise UserError(
            f"{path}: no folder t=… and no file name tells the report, expected one of"
            f" {', '.join(report.name for report in chosen)}",
            "name it with --report",
        )
    if told.report is None or told.report in chosen:
        return told
    if is_named:
        raise UserError(
            f"{path}: {told.by} tells that it is {told.what}, found --report {chosen[0].name}",
            "leave --report out, or rename the file",
        )
    return Told(None, told.what, told.by)
