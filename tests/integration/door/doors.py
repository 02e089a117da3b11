"""What tests of the door share: a project of its own, a door on it, and how to ask it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import clickhouse_connect
import psutil
import urllib3

from clickward.server.roles import Role
from clickward.server.users import Users

ROOT = Path(__file__).resolve().parents[3]
DBT = Path(sys.executable).with_name("dbt")
PASSWORDS = {"ana": "reads-marts", "ben": "reads-marts-too", "eng": "may-do-all"}
ROLES = {"ana": Role.READER, "ben": Role.READER, "eng": Role.ENGINEER}
OPEN = re.compile(r"door of .* open at (https?)://([^\s:]+):(\d+)")


@dataclass(frozen=True)
class Place:
    """A project in `folder`: profile, dbt project and store."""

    folder: Path

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def options(self, target: str = "local") -> list[str]:
        """Words that lead `clickward` and `dbt` here."""
        return [
            "--project-dir", str(self.folder / "dbt_project"),
            "--profiles-dir", str(self.folder / "profiles"), "--target", target,
        ]  # fmt: skip

    def environment(self, **more: str) -> dict[str, str]:
        return os.environ | {
            "CLICKWARD_STORE": str(self.store),
            "CLICKWARD_SCHEMA": "clickward",
            "PYTHONPATH": str(ROOT),
        } | more  # fmt: skip

    def start(self, *words: str | Path, target: str = "local", **more: str) -> Any:
        """Start `clickward WORDS`."""
        return subprocess.Popen(
            [sys.executable, "-m", "clickward.cli.main", *map(str, words), *self.options(target)],
            cwd=ROOT, env=self.environment(**more), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words: str | Path, text: str | None = None) -> str:
        """Run `clickward WORDS` to its good end; returns stdout."""
        process = self.start(*words)
        out, talk = process.communicate(text)
        assert process.returncode == 0, talk
        return str(out)

    def copy(self, folder: Path) -> "Place":
        shutil.copytree(self.folder, folder, symlinks=True)
        return Place(folder)

    def add_users(self) -> None:
        users = Users(self.folder / ".clickward" / "users.json")
        for name, password in PASSWORDS.items():
            users.add(name, ROLES[name], password)


@dataclass
class Door:
    """An open door."""

    process: subprocess.Popen[str]
    scheme: str
    host: str
    port: int
    user: str
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.http = urllib3.PoolManager(maxsize=16, retries=False, timeout=60, **self.options)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}/"

    def client(self, user: str = "", **options: Any) -> Any:
        """A clickhouse-connect client."""
        user = user or self.user
        return clickhouse_connect.get_client(
            host=self.host, port=self.port, username=user, password=PASSWORDS[user],
            interface=self.scheme, **options,
        )  # fmt: skip

    def ask(
        self, body: Any = b"", user: str = "", headers: Any = None, **address: Any
    ) -> urllib3.BaseHTTPResponse:
        """POST `body`, with parameters in the address."""
        return self.request("POST", body, user, headers, **address)

    def request(
        self,
        method: str,
        body: Any = b"",
        user: str = "",
        headers: Any = None,
        preload_content: bool = True,
        **address: Any,
    ) -> urllib3.BaseHTTPResponse:
        user = user or self.user
        login = {"X-ClickHouse-User": user, "X-ClickHouse-Key": PASSWORDS.get(user, "")}
        content = body.encode() if isinstance(body, str) else body
        return self.http.request(
            method, f"{self.url}?{urlencode(address)}",
            body=content, headers=login | (headers or {}), preload_content=preload_content,
        )  # fmt: skip

    def refusal(self, body: str | bytes, user: str = "", **address: Any) -> int:
        """The exception's code with which a query is refused."""
        answer = self.ask(body, user, **address)
        assert answer.status >= 400, answer.data[:500]
        code = int(answer.headers["X-ClickHouse-Exception-Code"])
        assert answer.data.startswith(f"Code: {code}. DB::".encode()), answer.data[:500]
        return code

    def value(self, body: Any, user: str = "", **address: Any) -> str:
        """The result of a query that is not refused, without its last line break."""
        answer = self.ask(body, user, **address)
        assert answer.status == 200, answer.data[:500]
        return answer.data.decode().removesuffix("\n")


@dataclass(frozen=True)
class Built:
    """The built world, a copy of it, and the engineer's door on the copy."""

    local: Place
    served: Place
    engineer: Door


def of_server(door: Door) -> dict[str, str]:
    """Variables of the profile that lead target `server` to a door."""
    return {
        "CLICKWARD_HOST": door.host, "CLICKWARD_PORT": str(door.port),
        "CLICKWARD_USER": door.user, "CLICKWARD_PASSWORD": PASSWORDS[door.user],
    }  # fmt: skip


@contextmanager
def serving(place: Place, role: str, *words: str, **options: Any) -> Iterator[Door]:
    """A door of `place` on a free port, closed as Ctrl-C closes it."""
    process = place.start("serve", "--role", role, "--port", "0", *words)
    try:
        line = process.stderr.readline()
        found = OPEN.search(line)
        assert found, line + process.communicate()[1]
        scheme, host, port = found.groups()
        user = "eng" if role == "engineer" else "ana"
        door = Door(process, scheme, host, int(port), user, options)
        yield door
        # An idle client that speaks TLS keeps a closing door waiting.
        door.http.clear()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def engine_of(store: Path) -> psutil.Process:
    """The process that holds a store, by the engine's own word."""
    found = re.search(r"PID: (\d+)", (store / "status").read_text())
    assert found
    return psutil.Process(int(found.group(1)))


def marts(door: Door, user: str = "") -> dict[str, tuple[int, int]]:
    """Rows and order-free content hash of every mart that a door shows."""
    client = door.client(user)
    names = [row[0] for row in client.query("show tables from clickward_marts").result_rows]
    hashes = {
        name: client.query(
            f"select count(), groupBitXor(cityHash64(tuple(*))) from clickward_marts.{name}"
        ).result_rows[0]
        for name in names
    }
    client.close()
    return hashes


def until(is_so: Callable[[], object], seconds: float = 10) -> float:
    """Wait until something is so; returns the seconds it took."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < seconds
        time.sleep(0.05)
    return time.monotonic() - began
