"""The HTTP side: routes, and who may enter."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from clickward.server.answer import ask
from clickward.server.errors import (
    AUTHENTICATION_FAILED,
    TOO_MANY_SIMULTANEOUS_QUERIES,
    EngineError,
    refusal,
)
from clickward.server.fleet import Fleet
from clickward.server.requests import credentials, read_question, received
from clickward.server.roles import Role
from clickward.server.users import Users


@dataclass
class Door:
    """What every request needs. `is_open` lets in whoever comes, while there is no user."""

    fleet: Fleet
    users: Users
    role: Role
    most_queries: int
    is_open: bool
    running: int = 0

    async def enter(self, request: Request) -> str:
        """The user's name. Raises `EngineError` where the user may not enter."""
        name, password = credentials(request)
        # Who adds a user wants a password from now on, though the last user be removed again.
        self.is_open = self.is_open and not self.users.all()
        if self.is_open:
            return name
        user = await run_in_threadpool(self.users.find, name, password)
        if user is None or (self.role is Role.ENGINEER and user.role is not Role.ENGINEER):
            raise refusal(
                AUTHENTICATION_FAILED,
                f"{name}: Authentication failed: password is incorrect, or there is no user with"
                " such name",
            )
        return user.name

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """One of the places for queries at once. Raises `EngineError` where there is none."""
        if self.running >= self.most_queries:
            raise refusal(
                TOO_MANY_SIMULTANEOUS_QUERIES,
                f"Too many simultaneous queries. Maximum: {self.most_queries}",
            )
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1


class Queries:
    """`/`: one query, or without one the sign of life that ClickHouse gives."""

    def __init__(self, door: Door) -> None:
        self.door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request, send)
        except EngineError as error:
            response = refused(error)
        except ClientDisconnect:
            return
        if response is not None:
            await response(scope, receive, send)

    async def _answer(self, request: Request, send: Send) -> Response | None:
        """A response still to send, or None where the result has been sent."""
        user = await self.door.enter(request)
        if request.method not in ("GET", "HEAD", "POST"):
            return PlainTextResponse("Method not allowed\n", 405, {"Allow": "GET, POST"})
        if request.method != "POST" and "query" not in request.query_params:
            return PlainTextResponse("Ok.\n")
        question = await read_question(request, user)
        # Before a place is taken: who sends slowly must not hold one.
        pieces = await received(request, question, self.door.role is Role.READER)
        async with (
            end_held_back(send) as send_but_end,
            self.door.place(),
            self.door.fleet.worker() as worker,
            ask(worker, request, question, pieces) as answer,
        ):
            await answer.send(send_but_end)
        return None


@asynccontextmanager
async def end_held_back(send: Send) -> AsyncIterator[Send]:
    """A `send` that keeps a response's end until the block is left.

    Who has a whole answer may ask again at once: the query's place must be free by then.
    """
    held: list[Message] = []

    async def send_but_end(message: Message) -> None:
        held.append(message)
        if message.get("more_body"):
            while held:
                await send(held.pop(0))

    yield send_but_end
    for message in held:
        await send(message)


def make_app(door: Door) -> Starlette:
    """The application; it ends the engine's processes with itself."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await door.fleet.stop()

    async def ping(request: Request) -> Response:
        return PlainTextResponse("Ok.\n")

    return Starlette(
        lifespan=lifespan, routes=[Route("/ping", ping), Route("/", endpoint=Queries(door))]
    )


def refused(error: EngineError) -> Response:
    """An error as ClickHouse sends it: code in a header, text in the body."""
    headers = {"X-ClickHouse-Exception-Code": str(error.code)}
    if error.status == 503:
        headers["Retry-After"] = "1"
    if error.code == AUTHENTICATION_FAILED:
        headers["WWW-Authenticate"] = 'Basic realm="clickward"'
    return PlainTextResponse(f"{error.text}\n", error.status, headers)
