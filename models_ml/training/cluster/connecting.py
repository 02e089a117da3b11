"""A connection to a Dask cluster: who works there, and one task for each of them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from clickward.models_ml.estimators.devices import CPU
from clickward.models_ml.training.cluster import worker
from clickward.warehouse.errors import ConnectionFailed, UserError

# Seconds to find the scheduler, and between looks at whether every worker is still there.
CONNECT, LOOK = 10, 2


@dataclass(frozen=True)
class Cluster:
    """The client of a cluster and its workers' addresses, sorted.

    What a model learns depends on how many workers there are and on nothing else of them.
    """

    client: Any
    workers: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.workers)

    def run(
        self,
        task: Callable[..., Any],
        given: Sequence[tuple[Any, ...]],
        on: Sequence[int] | None = None,
    ) -> list[Any]:
        """What `task` returns for each of `given`, all at once, each on a worker of its own.

        `on` numbers the workers; without it the i-th takes the i-th. A worker's own `UserError`
        is raised as it is. Raises `UserError` where a worker is lost.
        """
        futures = [
            self.client.submit(task, *arguments, workers=[address], pure=False)
            for address, arguments in zip(self._addresses(on, len(given)), given, strict=True)
        ]
        try:
            self._wait(futures)
            return [future.result() for future in futures]
        finally:
            self.client.cancel(futures)

    def place(self, values: Sequence[Any], on: Sequence[int]) -> list[Any]:
        """Large values, each sent to its worker, as arguments of tasks there."""
        return [
            self.client.scatter(value, workers=[address], hash=False)
            for address, value in zip(self._addresses(on, len(values)), values, strict=True)
        ]

    def _addresses(self, on: Sequence[int] | None, count: int) -> list[str]:
        return [self.workers[number] for number in (range(count) if on is None else on)]

    def check_device(self, device: str) -> None:
        """Raises `UserError` where a worker would not compute on `device`."""
        if device != CPU:
            self.run(worker.has_device, [(device,)] * len(self))

    def _wait(self, futures: list[Any]) -> None:
        from distributed import wait

        left = list(futures)
        while left:
            try:
                with self.client.as_current():
                    found = wait(left, timeout=LOOK, return_when="FIRST_COMPLETED")
            except TimeoutError:
                self.check_alive()
                continue
            for future in found.done:
                _check(future)
            left = list(found.not_done)

    def check_alive(self) -> None:
        """Raises `UserError` naming a worker that the scheduler no longer has."""
        present = _workers(self.client)
        lost = [address for address in self.workers if address not in present]
        if lost:
            raise UserError(
                f"the Dask worker {lost[0]} is gone",
                "look at its log (memory?), then run the same command again",
            )


def _workers(client: Any) -> list[str]:
    """The addresses of the workers the scheduler has now, sorted.

    The scheduler is asked: `scheduler_info` answers from what the client keeps, which a loop of
    the client's own replaces, every two seconds, by one without workers.
    """
    try:
        return sorted(client.nthreads())
    except OSError as error:
        raise ConnectionFailed(
            f"the Dask scheduler no longer answers: {error}",
            "look at its log, start it again, then run the same command again",
        ) from error


def _check(future: Any) -> None:
    """Raises what the task raised; what is not the user's becomes a `UserError` that names it."""
    if future.status == "finished":
        return
    error = future.exception() if future.status == "error" else None
    if isinstance(error, UserError):
        raise error
    lines = str(error).strip().splitlines() if error is not None else []
    told = f"{type(error).__name__}: {lines[-1] if lines else ''}" if error else future.status
    raise UserError(
        f"a Dask worker failed: {told}", "look at the workers' logs, then run the command again"
    ) from error


@contextmanager
def cluster_at(address: str) -> Iterator[Cluster]:
    """The cluster whose scheduler listens at `address`, such as `tcp://10.0.0.5:8786`.

    Raises `UserError` without the extra `dask`, where there are no workers, or where a worker
    has other releases than this process, since they would grow another model;
    `ConnectionFailed` where no scheduler answers.
    """
    if find_spec("distributed") is None:
        raise UserError(
            "--dask needs the extra dask, which is not installed",
            "pip install 'clickward[dask]'; the workers need it too",
        )
    from distributed import Client

    try:
        client = Client(address, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise ConnectionFailed(
            f"no Dask scheduler answers at {address}: {error}",
            "start one with `dask scheduler`, and give its address: --dask tcp://10.0.0.5:8786",
        ) from error
    try:
        workers = tuple(_workers(client))
        if not workers:
            raise UserError(
                f"the Dask cluster at {address} has no workers",
                f"start some: `dask worker {address}`",
            )
        found = Cluster(client, workers)
        check_releases(found)
        yield found
    finally:
        client.close()


def check_releases(cluster: Cluster) -> None:
    """Raises `UserError` naming the first process whose releases are others than ours."""
    ours = {name: version(name) for name in worker.RELEASES}
    found = cluster.run(worker.releases, [()] * len(cluster))
    members = [f"worker {address}" for address in cluster.workers]
    try:
        found.append(cluster.client.run_on_scheduler(worker.releases))
    except ImportError as error:
        raise UserError(
            f"the Dask scheduler cannot load clickward: {error}",
            "install the same requirements.lock where the scheduler runs",
        ) from error
    for member, theirs in zip([*members, "scheduler"], found, strict=True):
        for name, expected in ours.items():
            if theirs[name] != expected:
                raise UserError(
                    f"the Dask {member} has {name} {theirs[name] or '(none)'}, here is {expected}",
                    "install the same requirements.lock on the scheduler and every worker",
                )
