"""Which of the files found are loaded, as which report, and which are left out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clickward.warehouse.loading.files import Found
from clickward.warehouse.loading.recognise import Names, Told, by_name, choose, recognise, topic_of
from clickward.warehouse.profile import Project
from clickward.warehouse.sources import Report, other_reports, reports


@dataclass
class Plan:
    """Tells each file's report among `chosen`, and keeps count of those left out."""

    chosen: Sequence[Report]
    own: Names
    foreign: Names
    _left_out: Counter[tuple[str, str]] = field(default_factory=Counter)

    @classmethod
    def of(cls, project: Project, chosen: Sequence[Report]) -> "Plan":
        """For loading `chosen`, reports of one source."""
        source = chosen[0].source
        known = reports(project)
        own = [report for report in known if report.source == source]
        foreign = [report for report in known if report.source != source]
        return cls(chosen, Names.of(own, other_reports(project, source)), Names.of(foreign, {}))

    def report_of(self, item: Found) -> Report | None:
        """The report to load the file as, None where it is left out. Raises `UserError`."""
        told = recognise(item.path, item.searched, self.own)
        if told is None and item.searched and (other := by_name(item.path, self.foreign)):
            source = other.report.source if other.report else ""
            self._left_out[str(item.path), f"it is of {source}: clickward load {source}"] += 1
            return None
        told = choose(item.path, told, self.chosen, is_named=item.searched is None)
        if told.report is None:
            self._left_out[self._place(item.path, told), self._reason(told)] += 1
        return told.report

    def left_out(self) -> list[str]:
        """One line for each file or topic left out, saying what it is."""
        return [
            f"{place}: left out, {f'{count:,} files: ' if count > 1 else ''}{reason}"
            for (place, reason), count in self._left_out.items()
        ]

    def _place(self, path: Path, told: Told) -> str:
        """The folder of the topic where that is in the path as given, else the file."""
        if topic_of(path) is None or told.by not in path.parts:
            return str(path)
        last = len(path.parts) - path.parts[::-1].index(told.by)
        return str(Path(*path.parts[:last]))

    def _reason(self, told: Told) -> str:
        if told.what in {report.name for report in self.own.reports.values()}:
            return f"it is {told.what}, and --report {self.chosen[0].name} was asked for"
        return f"it holds {told.what}, which is no report that is loaded"
