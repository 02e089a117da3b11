"""What the installed engine knows: `python -m clickward.server.known` prints it as JSON.

A process of its own, since the front loads no engine. Asked anew each time a server starts: an
engine that was upgraded has settings that no list of before would hold.
"""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import clickward
from clickward.server.roles import Known
from clickward.warehouse.errors import ConnectionFailed


def ask_engine() -> Known:
    """Names of system tables and settings. Raises `ConnectionFailed` where the engine fails."""
    done = subprocess.run(
        [sys.executable, "-m", "clickward.server.known"],
        capture_output=True, text=True, check=False, cwd=Path(clickward.__file__).parents[1],
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it was killed"]
        raise ConnectionFailed(f"the engine does not start: {said[-1][:500]}")
    return Known(**json.loads(done.stdout))


def main() -> None:
    from clickward.server.engine import Handle

    handle = Handle(":memory:", {})

    def names(query: str) -> list[str]:
        return handle.query(query).decode().split()

    known = Known(
        names("select name from system.tables where database = 'system'"),
        names("select name from system.settings where alias_for = ''"),
    )
    print(json.dumps(asdict(known)))


if __name__ == "__main__":
    main()
