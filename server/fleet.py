"""The worker processes behind one door, and the swap from one store to the next."""

import asyncio
import json
import os
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import clickward
from clickward.server.errors import ABORTED
from clickward.server.frames import (
    DATA,
    DONE,
    END,
    ERROR,
    QUERY,
    Call,
    Disconnected,
    frame,
    receive_async,
)
from clickward.server.options import Options
from clickward.warehouse.errors import ConnectionFailed, UserError
from clickward.warehouse.log import log

WATCH_SECONDS = 0.1
CHECK_SECONDS = 1
# So long may a machine under load take over `select 1`, with queries at all places.
PATIENCE_SECONDS = 20
# A process that starts, or opens a store, says so by then.
READY_SECONDS = 60
# A spare does nothing but wait.
SPARE_SECONDS = 5
GRACE_SECONDS = 5
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ")


class Silent(ConnectionFailed):
    """A process that does not say in time that it is ready; it was killed."""


@dataclass
class Worker:
    """A process that holds one store, or waits to be told which."""

    process: asyncio.subprocess.Process
    socket: str
    store: Path | None = None
    version: str = ""
    timezone: str = "UTC"
    active: int = 0

    @property
    def is_alive(self) -> bool:
        return self.process.returncode is None

    async def open(self, store: Path) -> None:
        """Open a store. Raises `ConnectionFailed` with the engine's words."""
        # That it is awake at all shows at once; to open a large store takes longer.
        await self._ask({"wake": ""}, seconds=SPARE_SECONDS)
        answer = await self._ask({"open": str(store)})
        if "error" in answer:
            raise ConnectionFailed(f"cannot open {store}: {answer['error'].splitlines()[0]}")
        self.store, self.version, self.timezone = store, answer["version"], answer["timezone"]

    async def is_answering(self) -> bool:
        """Whether a query still gets an answer: a process may outlive the engine within it."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._select_one()
        except (Disconnected, OSError, TimeoutError):
            return False

    async def _select_one(self) -> bool:
        reader, writer = await asyncio.open_unix_connection(self.socket)
        try:
            name = uuid.uuid4().hex
            writer.write(frame(QUERY, Call("", name, name).encode()))
            writer.write(frame(DATA, b"select 1") + frame(END))
            while True:
                kind, payload = await receive_async(reader)
                if kind == ERROR:
                    return json.loads(payload)["code"] != ABORTED
                if kind == DONE:
                    return True
        finally:
            writer.close()

    async def stop(self) -> None:
        """End the process; a query that runs is cut off."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            await asyncio.wait_for(self.process.wait(), GRACE_SECONDS)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    async def _ask(
        self, order: dict[str, str] | None, text: str = "", seconds: float = READY_SECONDS
    ) -> dict[str, str]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write((text or json.dumps(order)).encode() + b"\n")
            await self.process.stdin.drain()
            async with asyncio.timeout(seconds):
                line = await self.process.stdout.readline()
        except TimeoutError as error:
            self.process.kill()
            await self.process.wait()
            raise Silent("the engine's process does not answer") from error
        except OSError:
            line = b""
        if not line:
            raise ConnectionFailed("the engine's process ended before it was ready")
        return dict(json.loads(line))


class Fleet:
    """One worker that answers, and where stores change, another one that is warm.

    `find_store` says which store is to be served now. A changed answer opens it in the warm
    worker; from then on queries go there, and the old worker ends with its last query.
    """

    def __init__(
        self,
        find_store: Callable[[], Path],
        options: Callable[[Path], Options],
        is_changing: bool,
    ) -> None:
        self.find_store = find_store
        self.options = options
        self.is_changing = is_changing
        self._folder = tempfile.TemporaryDirectory(prefix="clickward-")
        self._count = 0
        self._spare: Worker | None = None
        self._unusable: Path | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open the first store. Raises `ConnectionFailed`."""
        self.current = await self._launch()
        try:
            await self.current.open(self.find_store())
        except ConnectionFailed:
            await self.stop()
            raise
        if self.is_changing:
            self._spare = await self._launch()
        self._run(self._watch())
        self._run(self._check())

    async def stop(self) -> None:
        """End every process."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for worker in (self.current, self._spare):
            if worker is not None:
                await worker.stop()
        self._folder.cleanup()

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[Worker]:
        """The worker for one query, which it outlives."""
        worker = self.current
        worker.active += 1
        try:
            yield worker
        finally:
            worker.active -= 1

    async def _watch(self) -> None:
        told = ""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                await self._look()
                told = ""
            except (UserError, OSError) as error:
                # The door outlives what is wrong with the next store, and says it once.
                if told != str(error):
                    told = str(error)
                    log(f"{told}; still serving {self.current.store}")

    async def _check(self) -> None:
        """End the process whose engine no longer answers; `_look` starts another."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            worker = self.current
            if worker.is_alive and not await worker.is_answering() and worker.is_alive:
                log("the engine no longer answers")
                worker.process.kill()
                await worker.process.wait()

    async def _look(self) -> None:
        wanted = self.find_store()
        if not self.current.is_alive:
            log("the engine's process ended: starting another one")
        elif wanted in (self.current.store, self._unusable):
            return
        await self._replace(wanted)

    async def _replace(self, store: Path) -> None:
        new = self._spare if self._spare is not None and self._spare.is_alive else None
        self._spare = None
        new = new or await self._launch()
        try:
            await new.open(store)
        except Silent as error:
            # Not the store is to blame: `_look` comes again, with another process.
            log(f"{error.message}: starting another one")
            return
        except ConnectionFailed as error:
            log(f"{error.message}; still serving {self.current.store}")
            self._unusable = store
            await new.stop()
        else:
            old, self.current, self._unusable = self.current, new, None
            self._run(self._retire(old))
            log(f"serving {store}")
        if self.is_changing:
            self._spare = await self._launch()

    async def _retire(self, worker: Worker) -> None:
        try:
            while worker.active and worker.is_alive:
                await asyncio.sleep(WATCH_SECONDS)
        finally:
            await worker.stop()

    def _run(self, work: "asyncio.coroutines.Coroutine[None, None, None]") -> None:  # type: ignore[name-defined]
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _launch(self) -> Worker:
        """A process with the engine loaded and no store open."""
        self._count += 1
        folder = Path(self._folder.name) / str(self._count)
        folder.mkdir()
        options = self.options(folder)
        # Nothing of this process's environment that a query could bring to light.
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment |= {
            "TMPDIR": str(folder),
            "PYTHONPATH": str(Path(clickward.__file__).parents[1]),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "clickward.server.worker",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env=environment, cwd=folder, start_new_session=True,
        )  # fmt: skip
        worker = Worker(process, options.socket)
        await worker._ask(None, options.encode())
        return worker
