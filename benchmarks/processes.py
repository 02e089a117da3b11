"""Running a Python process with its memory watched."""

import math
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
    found = run_limited([sys.executable, *words], environment, limit)
    if isinstance(found, Outcome):
        return found
    if found.startswith("failed"):
        raise SystemExit(f"python {' '.join(words)} {found}")
    return None


def run_limited(
    words: Sequence[str],
    environment: Mapping[str, str],
    seconds: float,
    gib: float = math.inf,
) -> Outcome | str:
    """Run WORDS; where it failed or was ended at a limit, the reason in words.

    `gib` bounds the resident memory of the process and its children, looked at every 50 ms.
    """
    process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)
    watched, peak, ends = psutil.Process(process.pid), 0, time.monotonic() + seconds
    ended = ""
    while process.poll() is None:
        peak = max(peak, tree_memory(watched))
        if time.monotonic() > ends:
            ended = f"more than {seconds:g} s"
        elif peak > gib * 2**30:
            ended = f"more than {gib:g} GiB"
        if ended:
            for child in [*watched.children(recursive=True), watched]:
                child.kill()
            process.wait()
            return ended
        time.sleep(INTERVAL)
    if process.returncode:
        return f"failed with exit code {process.returncode}"
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
