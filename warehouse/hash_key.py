"""The key behind every hashed id: in a table of the store, and in the text of no statement.

Statements are written to dbt's log, to a server's query log and into errors. So the key comes here
from the environment, is compared here, and travels as the rows of an insert.
"""

import os
from typing import Any

from clickward.warehouse.connection import connection, engine_errors
from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import Project
from clickward.warehouse.tables import create_database, engine, on_cluster

VARIABLE = "CLICKWARD_HASH_KEY"
DEVELOPMENT_KEY = "clickward-development-key"
WORD = (1 << 64) - 1


def keep_hash_key(client: Any, table: str, more: str = "", kind: str = "MergeTree") -> None:
    """Keep the environment's key in `table`, made if need be, or hold it against the kept one.

    `more` follows the table's name where it is made, `kind` is its engine. Raises `UserError`
    where the store was made with another key, or would be made with none.
    """
    client.command(
        f"create table if not exists {table}{more} (key_0 UInt64, key_1 UInt64)"
        f" engine = {kind} order by tuple()"
    )
    key = os.environ.get(VARIABLE, DEVELOPMENT_KEY)
    wanted = halves(os.fsencode(key))
    kept = client.query(f"select key_0, key_1 from {table}").result_rows
    if not kept and not key.strip():
        raise UserError(
            f"{VARIABLE} is empty: anybody could hash an id the same way",
            "set it to a secret, or do not set it",
        )
    if not kept:
        client.insert(table, [wanted], ["key_0", "key_1"], column_type_names=["UInt64", "UInt64"])
    elif wanted not in kept:
        raise UserError(
            f"{VARIABLE} is not the key this store was made with: ids hashed before and after would"
            " not match",
            f"set {VARIABLE} to the key it was made with, or start a new store",
        )


def key_of(table: str) -> str:
    """The key as an expression, the same as the macro `hash_key`: no error tells its value."""
    return f"materialize((select [(key_0, key_1)] from {table}))[1]"


def keep_hash_key_of(project: Project) -> None:
    """The same on a server, where plain dbt has no way but statements."""
    with connection(project) as warehouse, engine_errors():
        target = warehouse.target
        warehouse.command(create_database(target, "raw"))
        table = warehouse.table("raw", "hash_key")
        keep_hash_key(warehouse.client, table, on_cluster(target), engine(target))


def halves(key: bytes) -> tuple[int, int]:
    """ClickHouse's `sipHash64('0', key)` and `sipHash64('1', key)`: the keys of SipHash.

    Of two arguments ClickHouse hashes the hash of each.
    """
    text = siphash(key).to_bytes(8, "little")
    first, second = (siphash(siphash(digit).to_bytes(8, "little") + text) for digit in (b"0", b"1"))
    return first, second


def siphash(data: bytes) -> int:
    """SipHash-2-4 under the key zero (Aumasson and Bernstein 2012)."""
    state = [0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573]
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 255])
    for start in range(0, len(padded), 8):
        word = int.from_bytes(padded[start : start + 8], "little")
        state[3] ^= word
        _rounds(state, 2)
        state[0] ^= word
    state[2] ^= 0xFF
    _rounds(state, 4)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _rounds(v: list[int], count: int) -> None:
    for _ in range(count):
        v[0] = (v[0] + v[1]) & WORD
        v[1] = _turned(v[1], 13) ^ v[0]
        v[0] = _turned(v[0], 32)
        v[2] = (v[2] + v[3]) & WORD
        v[3] = _turned(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & WORD
        v[3] = _turned(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & WORD
        v[1] = _turned(v[1], 17) ^ v[2]
        v[2] = _turned(v[2], 32)


def _turned(word: int, bits: int) -> int:
    return (word << bits | word >> (64 - bits)) & WORD
