"""`clickward serve`: from a project and options to a listening door."""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.middleware.trustedhost import TrustedHostMiddleware

from clickward.server.app import Door, make_app
from clickward.server.fleet import Fleet
from clickward.server.known import ask_engine
from clickward.server.options import Options
from clickward.server.publication import STORE, Publications
from clickward.server.roles import ENGINEER_CONFIG, Limits, Role, write_reader_config
from clickward.server.sandbox import is_available
from clickward.server.users import Users
from clickward.warehouse.errors import ConnectionFailed, UsageError, UserError
from clickward.warehouse.log import log
from clickward.warehouse.profile import Project, read_target
from clickward.warehouse.store import describe, holder_of, resolve_store

# A line of an address or of headers; ClickHouse takes as much.
LONGEST_HEAD = 1 << 20
DRAIN_SECONDS = 10


@dataclass(frozen=True)
class Listening:
    """Where a door listens, with which certificate, and whether it may do so unprotected."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None
    may_be_exposed: bool = False
    may_be_unfenced: bool = False

    @property
    def is_local(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def users_of(project: Project) -> Users:
    """The project's users."""
    return Users(project.home / "users.json")


def serve(project: Project, role: Role, listening: Listening, limits: Limits) -> None:
    """Serve until interrupted. Raises `UserError` where the door may not or cannot open."""
    target = read_target(project)
    if not target.is_embedded:
        raise UsageError(
            f"target {target.name!r} is a server already", "leave --target out to serve the store"
        )
    users = users_of(project)
    has_password = _check(role, listening, users)
    store = resolve_store(target.options["path"], project.profiles_dir)
    if role is Role.READER:
        fleet = _readers(Publications(store, target.schema), limits)
    else:
        fleet = _engineers(store, limits)
    door = Door(fleet, users, role, limits.queries, is_open=not has_password)
    try:
        listener = socket.create_server((listening.host, listening.port), reuse_port=False)
    except OSError as error:
        raise ConnectionFailed(
            f"cannot listen on {listening.host}:{listening.port}: {error.strerror or error}",
            "choose another --host or --port",
        ) from error
    # Inherited by each connection. A small answer goes out in three writes, and without this the
    # second would wait 40 ms for the client to acknowledge the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with listener:
        asyncio.run(_run(door, listener, listening))


async def _run(door: Door, listener: socket.socket, listening: Listening) -> None:
    await door.fleet.start()
    app = make_app(door)
    if door.is_open and listening.is_local:
        # A page in a browser must not reach the door under a name of its own.
        app.add_middleware(
            TrustedHostMiddleware, allowed_hosts=["localhost", "127.0.0.1", "[::1]", listening.host]
        )
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=LONGEST_HEAD,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        ssl_certfile=listening.certificate,
        ssl_keyfile=listening.key,
    )
    scheme = "https" if listening.certificate else "http"
    host, port = listener.getsockname()[:2]
    log(f"{door.role} door of {door.fleet.current.store} open at {scheme}://{host}:{port}")
    await uvicorn.Server(config).serve(sockets=[listener])


def _check(role: Role, listening: Listening, users: Users) -> bool:
    """Whether a password is asked for. Raises `UserError` where it must be and cannot."""
    if bool(listening.certificate) != bool(listening.key):
        raise UsageError("TLS needs two files", "give both --certificate and --key")
    for file in (listening.certificate, listening.key):
        if file is not None and not file.is_file():
            raise UsageError(f"there is no file {file}", "give a certificate and key in PEM")
    known = users.all()
    if role is Role.ENGINEER and not any(user.role is Role.ENGINEER for user in known):
        raise UserError(
            "an engineer may do everything, so there must be a password",
            "clickward users add NAME --role engineer",
        )
    if not listening.is_local and not listening.may_be_exposed:
        if not known:
            raise UserError(
                f"{listening.host} can be reached from other machines, and there is no password",
                "clickward users add NAME, or --exposed if something else protects it",
            )
        if listening.certificate is None:
            raise UserError(
                f"{listening.host} can be reached from other machines, and passwords would cross"
                " the network in clear",
                "give --certificate and --key, or --exposed if something else encrypts",
            )
    if role is Role.READER and not is_available() and not listening.may_be_unfenced:
        raise UserError(
            "this system cannot fence readers in (Landlock, Linux 5.13 or later): a reader could"
            " read files of this machine with file()",
            "--unfenced if you trust every reader with them",
        )
    return bool(known)


def _readers(publications: Publications, limits: Limits) -> Fleet:
    facts = publications.facts()
    _check_free(publications.current() / STORE)
    known = ask_engine()
    fenced = is_available()

    def options(folder: Path) -> Options:
        config = write_reader_config(folder, facts.database, known, limits)
        return Options(
            socket=str(folder / "socket"),
            only_reads=True,
            seconds=limits.seconds,
            config=str(config),
            database=facts.database,
            fence=[str(folder), str(publications.root)] if fenced else None,
        )

    return Fleet(lambda: publications.current() / STORE, options, is_changing=True)


def _engineers(store: Path, limits: Limits) -> Fleet:
    _check_free(store)
    store.mkdir(parents=True, exist_ok=True)

    def options(folder: Path) -> Options:
        config = folder / "config.xml"
        config.write_text(ENGINEER_CONFIG)
        return Options(
            socket=str(folder / "socket"), config=str(config), defaults=limits.as_settings()
        )

    return Fleet(lambda: store, options, is_changing=False)


def _check_free(store: Path) -> None:
    """One process can hold a store. Raises `ConnectionFailed` where another one does."""
    holder = holder_of(store)
    if holder is not None:
        raise ConnectionFailed(
            f"the store {store} is held by {describe(holder)}", "wait for it to end"
        )
