"""A Dask cluster of real processes on this machine: a scheduler, and workers that may find us."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DASK = Path(sys.executable).with_name("dask")


@contextmanager
def dask_workers(folder: Path, workers: int, **environment: str) -> Iterator[str]:
    """The scheduler's address, once as many `workers` have joined it."""
    from distributed import Client

    file = folder / "scheduler.json"
    shared = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | environment
    log = (folder / "dask.log").open("w")
    words = ["--host", "127.0.0.1", "--scheduler-file", str(file), "--no-dashboard"]
    begun = [[DASK, "scheduler", *words, "--port", "0"]]
    begun += [
        [DASK, "worker", *words, "--no-nanny", "--nthreads", "1", "--local-directory", str(folder)]
        for _ in range(workers)
    ]
    started = [
        subprocess.Popen(one, env=shared, cwd=folder, stdout=log, stderr=log) for one in begun
    ]
    try:
        ends = time.monotonic() + 60
        while not file.is_file():
            assert time.monotonic() < ends, (folder / "dask.log").read_text()
            time.sleep(0.05)
        with Client(scheduler_file=str(file), set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=60)
            address = str(client.scheduler.address)
        yield address
    finally:
        for process in started:
            process.kill()
            process.wait()
        log.close()
