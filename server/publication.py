"""Publications: copies of the marts that readers are served, in a folder beside the store."""

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from clickward.warehouse.errors import UserError
from clickward.warehouse.private import close

LINK = "current"
LOCK = "lock"
FACTS = "publication.json"
STORE = "store"
UNFINISHED = ".unfinished"


@dataclass(frozen=True)
class Facts:
    """What a publication holds: rows by table, and what its readers' engine must be told."""

    id: str
    published_at: str
    database: str
    rows: dict[str, int]
    system_tables: list[str]


class Publications:
    """The publications of one schema of one store, and which of them is current."""

    def __init__(self, store: Path, schema: str) -> None:
        self.root = store.with_name(f"{store.name}-published") / schema

    def current(self) -> Path:
        """Folder of the current publication. Raises `UserError` where there is none."""
        try:
            return self.root / (self.root / LINK).readlink()
        except OSError as error:
            raise UserError(
                f"nothing has been published in {self.root}", "run `clickward publish` first"
            ) from error

    def facts(self) -> Facts:
        """What the current publication holds."""
        return Facts(**json.loads((self.current() / FACTS).read_text()))

    @contextmanager
    def publishing(self) -> Iterator[Path]:
        """A folder for a new publication; gone unless it is kept.

        One publisher at a time has a store, so that whatever an earlier one left there is nobody's.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        close(self.root.parent)
        with (self.root.parent / "publishing.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UserError(
                    "another `clickward publish` is at work", "wait for it to end"
                ) from error
            self._remove_unfinished()
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
            folder = self.root / f"{stamp}-{secrets.token_hex(4)}{UNFINISHED}"
            folder.mkdir()
            (folder / LOCK).touch()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def _remove_unfinished(self) -> None:
        """What killed publishers of any schema left here, once their helpers have ended too."""
        for left in self.root.parent.glob(f"*/*{UNFINISHED}"):
            with (left / LOCK).open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                shutil.rmtree(left)

    def keep(self, folder: Path, facts: Facts) -> Path:
        """Make a finished folder the current publication, at one stroke; remove the others."""
        (folder / FACTS).write_text(json.dumps(asdict(facts), indent=1) + "\n")
        kept = folder.with_name(folder.name.removesuffix(UNFINISHED))
        folder.rename(kept)
        new = self.root / f"{LINK}.new"
        new.unlink(missing_ok=True)
        new.symlink_to(kept.name)
        new.replace(self.root / LINK)
        self.remove_unread()
        return kept

    def remove_unread(self) -> None:
        """Remove every publication that is not current and that nobody reads."""
        current = self.current()
        for folder in self.root.iterdir():
            if folder.is_symlink() or not folder.is_dir() or folder == current:
                continue
            with (folder / LOCK).open("a") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                shutil.rmtree(folder)


def hold(store: Path) -> int | None:
    """Keep the publication that `store` belongs to from being removed while this process lives.

    Returns the lock, or None where `store` is no publication.
    """
    lock = store.parent / LOCK
    if not lock.is_file():
        return None
    descriptor = os.open(lock, os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor
