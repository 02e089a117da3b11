"""In which zone a file's times are: what the command line says, the file's name, or the format."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from clickward.warehouse.errors import UserError
from clickward.warehouse.loading.file_name import FileName
from clickward.warehouse.loading.files import Format
from clickward.warehouse.loading.recognise import topic_of
from clickward.warehouse.sources import Report


def timezone_of(path: Path, report: Report, found: Format, asked: str | None) -> str:
    """The zone of the file's times; `asked` is `--timezone`.

    A Data Locker (a folder `t=…`) and Parquet are in UTC where nothing else is asked. Raises
    `UserError` where two of them contradict each other, and where a CSV export leaves it open.
    """
    in_locker = topic_of(path) is not None
    told = None if in_locker else FileName.read(path.name).zone
    if not report.needs_timezone:
        for zone, by in ((asked, f"--timezone {asked}"), (told, f"{told} in its name")):
            if zone is not None and not same_zone(zone, "UTC"):
                raise UserError(
                    f"{path}: times of {report.source} are UTC, found {by}",
                    "leave --timezone out" if zone == asked else "rename the file if it is UTC",
                )
        return "UTC"
    if told is not None and asked is not None and not same_zone(told, asked):
        raise UserError(
            f"{path}: its name tells that times are in {told}, found --timezone {asked}",
            f"leave --timezone out, or rename the file if it is in {asked}",
        )
    if asked is None and told is None and found.kind == "csv" and not in_locker:
        raise UserError(
            f"{path}: a CSV export does not say in which time zone its times are",
            "name it: --timezone UTC, or the app's own such as --timezone Europe/Berlin",
        )
    return asked or told or "UTC"


@lru_cache(maxsize=256)
def same_zone(one: str, other: str) -> bool:
    """True where two names mean one clock since 2000, as Asia/Calcutta and Asia/Kolkata do."""
    if one == other:
        return True
    first, second = ZoneInfo(one), ZoneInfo(other)
    start = datetime(2000, 1, 1, tzinfo=UTC)
    weeks = (start + timedelta(weeks=week) for week in range(52 * 35))
    return all(
        moment.astimezone(first).utcoffset() == moment.astimezone(second).utcoffset()
        for moment in weeks
    )
