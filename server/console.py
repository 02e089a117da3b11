"""`clickward sql`: one statement a call, which only reads unless it may write.

The engine's parser says how many statements a text is and of what kind; `readonly` makes the engine
refuse what changes. Neither is enough: in `readonly` mode ClickHouse still writes INTO OUTFILE,
inserts into table functions and kills queries, and a parser may not know a newer server's words.
"""

from io import BytesIO
from typing import IO, Any

from clickward.server.engine import Handle, Kind
from clickward.server.statement import tokens
from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError
from clickward.warehouse.store import resolve_store

READS_ONLY = "2"  # settings may change, but for this one
ONE_BY_ONE = "give them one at a time"


def run(warehouse: Warehouse, text: str, output_format: str, may_write: bool) -> IO[bytes]:
    """The result of the one statement in `text`, in `output_format` unless it names its own.

    Raises `UserError` where it is none or several, or does more than read without `may_write`.
    """
    statement = without_end(text)
    if not statement:
        raise UserError("there is no statement", 'give one: clickward sql "select 1"')
    parser = _parser(warehouse)
    try:
        parsed = count, kind = parser.parse(statement)
        if count > 1:
            raise UserError(f"these are {count} statements, and none was run", ONE_BY_ONE)
        if kind is Kind.UNKNOWN and warehouse.target.is_embedded:
            # What does not parse as a whole may still begin with what would run.
            raise UserError(f"the engine refused: {parser.complaint(statement)}")
        if kind not in (Kind.READ_ONLY, Kind.UNKNOWN) and not may_write:
            raise UserError(
                "the statement does more than read, and was not run", "--write if you mean it"
            )
        # Only what may stand in a union streams; the rest is small, and made whole.
        is_select = parser.parse(f"select 1 union all {statement}") == (1, Kind.READ_ONLY)
        takes_format = parser.parse(f"{statement}\nFORMAT {output_format}") == parsed
    finally:
        parser.close()
    settings = None if may_write else _reading(warehouse)
    is_insert = kind is not Kind.READ_ONLY and _is_insert(statement)
    chosen = output_format if takes_format and not is_insert else None
    # The rows of an insert go as they were given.
    body = text if is_insert else statement
    ask = warehouse.client.raw_stream if is_select else warehouse.client.raw_query
    result: IO[bytes] | bytes = ask(body, fmt=chosen, settings=settings)
    return BytesIO(result) if isinstance(result, bytes) else result


def without_end(text: str) -> str:
    """A statement without the semicolons, space and comments after it."""
    raw = text.encode()
    found = list(tokens(raw))
    while found and found[-1].text == b";":
        found.pop()
    return raw[: found[-1].end].decode() if found else ""


def _is_insert(statement: str) -> bool:
    words = {token.text.upper() for token in tokens(statement.encode())}
    return b"INSERT" in words


def _parser(warehouse: Warehouse) -> Handle:
    """chDB's parser: it reads what a server of its version reads."""
    if not warehouse.target.is_embedded:
        return Handle(":memory:", {})
    target = warehouse.target
    return Handle(str(resolve_store(target.options["path"], warehouse.project.profiles_dir)), {})


def _reading(warehouse: Warehouse) -> dict[str, Any] | None:
    """Settings with which the engine itself refuses to write; None where it does so already."""
    client = warehouse.client
    if str(warehouse.scalar("select getSetting('readonly')")) != "0":
        return None
    if warehouse.target.is_embedded:
        # Kept by the handle: a query with settings of its own would not stream.
        client.set_client_setting("readonly", READS_ONLY)
        return None
    return {"readonly": READS_ONLY}
