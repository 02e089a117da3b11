"""What nobody foresaw, told in one line: the whole traceback goes to a log file."""

import traceback
from datetime import UTC, datetime

from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import Project

LONGEST = 300


def unexpected(project: Project, what: str, error: Exception) -> UserError:
    """The failure of `what` as one line, its traceback appended to `logs/clickward.log`.

    The log lies in `.clickward` beside the project. Where it cannot be written, the line says so.
    """
    log = project.home / "logs" / "clickward.log"
    words = " ".join(str(error).split())
    words = words if len(words) <= LONGEST else words[:LONGEST] + "…"
    line = f"{what}: cannot be read: {type(error).__name__}: {words}"
    text = "".join(traceback.format_exception(error))
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {what}\n{text}\n")
    except OSError as refused:
        return UserError(line, f"no traceback is kept: {log}: {refused.strerror}")
    return UserError(line, f"the whole traceback is in {log}")
