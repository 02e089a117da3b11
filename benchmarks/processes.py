"""Running a Python process with its memory watched."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

INTERVAL = 0.05


@dataclass(frozen=True)
class Outcome:
    """What a process printed, and the most memory it and its children held at one time."""

    output: str
    peak_gib: float


def run_measured(
    words: Sequence[str], environment: Mapping[str, str], limit: float
) -> Outcome | None:
    """Run `python WORDS`; None if it was ended after `limit` seconds."""
    process = subprocess.Popen(
        [sys.executable, *words], env=environment, stdout=subprocess.PIPE, text=True
    )
    watched, peak, ends = psutil.Process(process.pid), 0, time.monotonic() + limit
    while process.poll() is None:
        peak = max(peak, tree_memory(watched))
        if time.monotonic() > ends:
            for child in [*watched.children(recursive=True), watched]:
                child.kill()
            process.wait()
            return None
        time.sleep(INTERVAL)
    if process.returncode:
        raise SystemExit(f"python {' '.join(words)} failed")
    output = process.stdout.read() if process.stdout else ""
    return Outcome(output, peak / 2**30)


def tree_memory(process: psutil.Process) -> int:
    """Resident bytes of a process and its children, those that just ended left out."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total
