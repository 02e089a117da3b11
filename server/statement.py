"""Where a statement's parts are: just enough of ClickHouse's lexer to find two words.

What a statement *may* do is never decided here; the engine's parser and its grants do that.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Possessive throughout: an unclosed quote costs one pass, not an exponential search.
TOKEN = re.compile(
    rb"""(?P<space>[\s\0]++ | --[^\n]*+ | \#[ !][^\n]*+ | /\*(?:[^*]++|\*(?!/))*+\*/)
    | (?P<quoted>
        '(?:[^'\\]++|\\.|'')*+' | "(?:[^"\\]++|\\.|"")*+" | `(?:[^`\\]++|\\.|``)*+`
        | \$(?P<tag>[A-Za-z0-9_]*+)\$(?:[^$]++|\$(?!(?P=tag)\$))*+\$(?P=tag)\$)
    | (?P<word>[A-Za-z_][A-Za-z0-9_$]*+ | [0-9][A-Za-z0-9_.]*+)
    | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
OPENING, CLOSING = {b"(", b"[", b"{"}, {b")", b"]", b"}"}
AFTER_FORMAT = re.compile(rb"[ \t\f]*+(?:\r?\n)?")
BEGINS_WITHOUT_DATA = {b"SELECT", b"WITH", b"INFILE", b"WATCH", b"EXPLAIN"}
NAMES_A_TABLE = {b"INTO", b"TABLE", b"FUNCTION", b"."}


@dataclass(frozen=True)
class Token:
    """A word, a quoted piece or a sign, outside of brackets."""

    text: bytes
    start: int
    end: int


@dataclass(frozen=True)
class Insert:
    """An INSERT whose rows follow: the statement without FORMAT, and where the rows begin."""

    statement: bytes
    format: str
    data_at: int


def tokens(text: bytes) -> Iterator[Token]:
    """Everything outside of brackets but space and comments; a bracket is its closing sign."""
    depth = 0
    for found in TOKEN.finditer(text):
        if found.lastgroup == "space":
            continue
        piece = found.group()
        if piece in OPENING:
            depth += 1
            continue
        if piece in CLOSING:
            depth -= 1
        if depth <= 0:
            yield Token(piece, found.start(), found.end())


def is_insert(head: bytes) -> bool:
    """Whether the first word is INSERT; false while `head` is too short to tell."""
    first = next(tokens(head), None)
    return first is not None and first.text.upper() == b"INSERT"


def split_insert(head: bytes, is_all: bool) -> Insert | None:
    """The INSERT at the start of `head` whose rows follow it, where that much can be seen.

    None where the statement brings no rows of its own, or where `head` ends too early to tell
    (`is_all` says that nothing follows).
    """
    before = b""
    format_word: Token | None = None
    for token in tokens(head):
        word = token.text.upper()
        is_last = token.end == len(head) and not is_all
        if format_word is not None:
            if is_last or not token.text[:1].isalpha():
                return None
            data_at = AFTER_FORMAT.match(head, token.end)
            assert data_at is not None
            if data_at.end() == len(head) and not is_all:
                return None
            return Insert(head[: format_word.start], token.text.decode(), data_at.end())
        if before not in NAMES_A_TABLE:
            if word == b";" or word in BEGINS_WITHOUT_DATA:
                return None
            if word == b"VALUES" and not is_last:
                return Insert(head[: token.start], "Values", token.end)
            if word == b"FORMAT":
                format_word = token
        before = word
    return None


def to_file(text: bytes, path: str, default_format: str) -> tuple[bytes, str]:
    """The query with its result sent to `path`, and the name of the result's format.

    The engine's parser must be asked whether it reads the result as meant: a column called
    `format` can deceive this lexer.
    """
    found = list(tokens(text))
    while found and found[-1].text == b";":
        found.pop()
    outfile = f"\nINTO OUTFILE '{path}' APPEND\n".encode()
    end = found[-1].end if found else 0
    for place in range(len(found) - 2, 0, -1):
        word, name, rest = found[place], found[place + 1], found[place + 2 : place + 3]
        if word.text.upper() != b"FORMAT" or found[place - 1].text == b".":
            continue
        if not rest or rest[0].text.upper() == b"SETTINGS":
            return text[: word.start] + outfile + text[word.start : end], name.text.decode()
    return text[:end] + outfile + f"FORMAT {default_format}".encode(), default_format
