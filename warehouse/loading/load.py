"""Loads files into raw tables, each as a whole or not at all."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UsageError, UserError
from clickward.warehouse.loading import ledger
from clickward.warehouse.loading.attempt import Attempt, Meter, Reader, open_reader
from clickward.warehouse.loading.batch import RejectedLine
from clickward.warehouse.loading.files import content_hash, sniff
from clickward.warehouse.loading.timezones import same_zone, timezone_of
from clickward.warehouse.sources import Report, reports, tables
from clickward.warehouse.tables import ensure_tables


@dataclass(frozen=True)
class Result:
    """What became of one file; `note` says what a reader should know of it."""

    file: str
    source: str
    report: str
    status: str
    rows_read: int = 0
    loaded: int = 0
    rejected_at_load: int = 0
    note: str = ""
    first_rejected: RejectedLine | None = field(default=None, repr=False)
    ignored: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The result as printed: without the line, which may be long and personal."""
        printed = asdict(self)
        del printed["first_rejected"], printed["ignored"]
        return printed


@dataclass(frozen=True)
class Loader:
    """Loads files; `timezone` is that of their times, None where not given.

    A file is refused where more than the share `max_rejected` of its rows is bad. Raises
    `UsageError` for a share or a time zone that does not exist.
    """

    warehouse: Warehouse
    timezone: str | None = None
    max_rejected: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.max_rejected <= 1:
            raise UsageError(
                f"--max-rejected is {self.max_rejected:g}, expected a share from 0 to 1"
            )
        if self.timezone is not None and self.timezone not in available_timezones():
            raise UsageError(
                f"unknown time zone {self.timezone!r}",
                "use a name such as UTC, Europe/Berlin or Asia/Kolkata",
            )

    def prepare(self) -> int:
        """Create missing tables and remove what killed loads left; returns how many of those."""
        project = self.warehouse.project
        known = reports(project)
        raw = [table for table in tables(project) if table.stage == "raw"]
        ensure_tables(self.warehouse, dict.fromkeys([*raw, *(r.table for r in known)]))
        return ledger.remove_uncommitted(self.warehouse, known)

    def load(self, path: Path, report: Report, meter: Meter) -> Result:
        """Load one file. Raises `UserError` where it is refused; nothing of it stays then."""
        found = sniff(path)
        timezone = timezone_of(path, report, found, self.timezone)
        before = path.stat()
        digest = content_hash(path)
        load_id = ledger.load_id_of(report.source, report.name, digest)
        known = ledger.find_committed(self.warehouse, load_id)
        if known is not None:
            return _already_loaded(path, report, known, timezone)
        reader = open_reader(path, found, report, timezone)
        try:
            attempt = self._attempt(path, before, report, load_id, reader, meter)
        finally:
            reader.close()
        facts = {
            "load_id": load_id,
            "source": report.source,
            "report": report.name,
            "file_name": str(path),
            "content_hash": digest,
            "file_bytes": before.st_size,
            "file_format": str(found),
            "timezone": timezone,
            "rows_read": reader.rows_read,
            "rows_loaded": attempt.rows_loaded,
            "rows_rejected": attempt.rows_rejected,
            "ignored_columns": reader.matched.ignored,
            "started_at": attempt.started_at,
            "committed_at": datetime.now(UTC),
        }
        ledger.commit(self.warehouse, facts)
        return _loaded(path, report, reader, attempt)

    def _attempt(
        self,
        path: Path,
        before: os.stat_result,
        report: Report,
        load_id: str,
        reader: Reader,
        meter: Meter,
    ) -> Attempt:
        """Send the rows and count them; what fails is undone before the error goes on."""
        if not self.warehouse.target.is_embedded:
            ledger.remove_load(self.warehouse, report, load_id)
        attempt = Attempt(self.warehouse, report, load_id, path)
        try:
            attempt.insert_all(reader, meter)
            self._accept(path, reader, attempt)
            after = path.stat()
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise UserError(f"{path}: changed while it was read", "load it again")
            ledger.verify(
                self.warehouse, report, load_id, attempt.rows_loaded, attempt.rows_rejected
            )
        except Exception:
            ledger.remove_load(self.warehouse, report, load_id, attempt.started_at)
            raise
        return attempt

    def _accept(self, path: Path, reader: Reader, attempt: Attempt) -> None:
        """Raise `UserError` where the file as a whole is not fit to be kept.

        What was read is compared with a count of the file's records that the reader's parser has
        no part in, so that rows it drops are missed.
        """
        read, loaded, rejected = reader.rows_read, attempt.rows_loaded, attempt.rows_rejected
        if read != reader.records():
            raise UserError(
                f"{path}: has {reader.records():,} records, but {read:,} were read of them",
                "look for stray quotes and line ends in it, and export it again",
            )
        if read != loaded + rejected:
            raise UserError(
                f"{path}: read {read:,} rows, but {loaded:,} were loaded and {rejected:,} rejected"
            )
        if rejected > self.max_rejected * read:
            raise UserError(
                f"{path}: {rejected:,} of {read:,} rows cannot be loaded, more than the share of"
                f" {self.max_rejected:g} allowed; the first is {attempt.first_rejected}",
                "mend the file, or allow more with --max-rejected",
            )


def choose_reports(known: Sequence[Report], name: str | None) -> list[Report]:
    """All reports of a source, or the one asked for. Raises `UsageError` naming them."""
    chosen = [report for report in known if name in (None, report.name)]
    if not chosen:
        names: Iterable[str] = (report.name for report in known)
        raise UsageError(
            f"{known[0].source} has no report {name!r}", f"reports are {', '.join(names)}"
        )
    return chosen


def _loaded(path: Path, report: Report, reader: Reader, attempt: Attempt) -> Result:
    ignored = reader.matched.ignored
    return Result(
        file=str(path),
        source=report.source,
        report=report.name,
        status="loaded",
        rows_read=reader.rows_read,
        loaded=attempt.rows_loaded,
        rejected_at_load=attempt.rows_rejected,
        note=f"ignored columns: {', '.join(ignored)}" if ignored else "",
        first_rejected=attempt.first_rejected,
        ignored=tuple(ignored),
    )


def _already_loaded(path: Path, report: Report, known: ledger.Committed, timezone: str) -> Result:
    # Without rows there are no times that a zone could change.
    if known.rows_read and not same_zone(known.timezone, timezone):
        raise UserError(
            f"{path}: already loaded with time zone {known.timezone}, found {timezone}",
            f"say --timezone {known.timezone}, or take it back with `clickward unload` and load it"
            " again",
        )
    other = "" if known.file_name == str(path) else f" as {known.file_name}"
    return Result(
        file=str(path),
        source=report.source,
        report=report.name,
        status="already_loaded",
        rows_read=known.rows_read,
        loaded=known.rows_loaded,
        rejected_at_load=known.rows_rejected,
        note=f"already loaded{other} (rows {known.rows_loaded:,})",
    )
