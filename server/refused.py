"""What no grant keeps from readers: the scalar function `file`, and queries of too many tables.

`file` takes any path that the process may open: the pipe of another reader's result is one. It is
found in the text as the engine's own formatter writes it, where comments are gone and quotes are of
one kind, and where it stands as a function: called, applied, handed to a function of higher order,
or in the structure of a table function, whose ALIAS columns are expressions.
"""

import re

from clickward.server.engine import Handle, quote
from clickward.server.errors import ACCESS_DENIED, QUERY_IS_TOO_LARGE, READONLY, refusal
from clickward.server.statement import CLOSING, OPENING, TOKEN

# ClickHouse's own default for a query's text; larger ones end the engine.
LONGEST_READ = 1 << 18
# 3,000 joins exhaust the stack of the analysis, 1,000 take a second.
MOST_JOINS = 300
FORBIDDEN = "file"
TOKEN_SETTING = "log_comment"
HIGHER_ORDER = re.compile(r"(array|map)\w*", re.IGNORECASE)
PARAMETER = re.compile(r"\{(\w+):Identifier\}")
WITH_STRUCTURE = {"format", "values", "generateRandom", "null", "input", "fuzzJSON"}
EXPRESSION = re.compile(r"(alias|default|materialized|ephemeral).*\(", re.I | re.S)
CLAUSES = {
    "SELECT", "FROM", "WHERE", "PREWHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "SETTINGS",
    "WITH", "UNION", "QUALIFY", "WINDOW", "FORMAT", "INTERSECT", "EXCEPT",
}  # fmt: skip


def refuse_for_readers(handle: Handle, text: str, parameters: dict[str, str]) -> None:
    """Raises `EngineError` where a reader may not run the one statement `text`."""
    if len(text.encode()) > LONGEST_READ:
        raise refusal(QUERY_IS_TOO_LARGE, "Max query size exceeded")
    plain = _formatted(handle, text)
    plain = PARAMETER.sub(lambda found: parameters.get(found[1], found[0]), plain)
    words = _words(plain)
    if any(_is_function(words, place) for place, word in enumerate(words) if word == FORBIDDEN):
        raise refusal(ACCESS_DENIED, "Not enough privileges. Readers have no function file()")
    clauses = _Clauses(words)
    clauses.check()
    clauses.check_token()


def refuse_token(handle: Handle, text: str) -> None:
    """Raises `EngineError` where the clause SETTINGS takes away the mark by which it is stopped."""
    if TOKEN_SETTING in text:
        _Clauses(_words(_formatted(handle, text))).check_token()


def _formatted(handle: Handle, text: str) -> str:
    query = f"select formatQuerySingleLine({quote(text)})"
    return handle.query(query, "TabSeparatedRaw").decode().removesuffix("\n")


def _words(plain: str) -> list[str]:
    """Tokens; the names that matter here without their quotes."""
    found = TOKEN.finditer(plain.encode())
    words = [match.group().decode() for match in found if match.lastgroup != "space"]
    bare = {f"`{name}`": name for name in (FORBIDDEN, TOKEN_SETTING, *WITH_STRUCTURE)}
    return [bare.get(word, word) for word in words]


def _is_function(words: list[str], place: int) -> bool:
    """Whether the name at `place` is one of a function, and not of a column or table."""
    before, after = words[:place], words[place + 1 : place + 2]
    if after == ["("]:
        return True
    while before and before[-1] == "(":
        before.pop()
    opened = len(before) < place
    if before and before[-1] == "APPLY":
        return True
    return opened and bool(before) and bool(HIGHER_ORDER.fullmatch(before[-1])) and after != ["."]


class _Clauses:
    """A pass over the words that knows in which clause each stands."""

    def __init__(self, words: list[str]) -> None:
        self.words = words

    def check(self) -> None:
        joins, clauses = 0, [""]
        for place, word in enumerate(self.words):
            if word in CLAUSES:
                clauses[-1] = word
            elif word == "(" and self._is_table_function(place, clauses[-1]):
                self._check_structure(place)
            joins += word == "JOIN" or (word == "," and clauses[-1] == "FROM")
            if word.encode() in OPENING:
                clauses.append("")
            elif word.encode() in CLOSING and len(clauses) > 1:
                clauses.pop()
        if joins > MOST_JOINS:
            raise refusal(QUERY_IS_TOO_LARGE, f"A query joins {MOST_JOINS} tables at most")

    def check_token(self) -> None:
        is_within = False
        for word in self.words:
            is_within = word == "SETTINGS" or (is_within and word not in CLAUSES and word != ")")
            if is_within and word == TOKEN_SETTING:
                raise refusal(
                    READONLY, "log_comment is how the door stops a query, and cannot be set in it"
                )

    def _is_table_function(self, place: int, clause: str) -> bool:
        name = self.words[place - 1] if place else ""
        if name not in WITH_STRUCTURE:
            return False
        # `format` is a scalar function too.
        return name != "format" or clause == "FROM" or self.words[place - 2] in ("TABLE", "IN")

    def _check_structure(self, place: int) -> None:
        name, depth = self.words[place - 1], 0
        for at in range(place, len(self.words)):
            depth += (self.words[at] in "([{") - (self.words[at] in ")]}")
            if not depth:
                return
            if not self._is_plain(at, name, is_first=at == place + 1):
                raise refusal(
                    ACCESS_DENIED,
                    f"Not enough privileges. Readers give {name}() its structure as a literal,"
                    " without ALIAS or DEFAULT",
                )

    def _is_plain(self, at: int, name: str, is_first: bool) -> bool:
        """Whether a word within a table function cannot bring an expression into its structure."""
        word = self.words[at]
        if word[0] == "'":
            return not EXPRESSION.search(word)
        if word[0].isalpha() or word[0] in "`_":
            is_call = self.words[at + 1] == "("
            is_value = word in ("NULL", "true", "false") or (is_call and name == "values")
            return is_value or (is_first and name == "format" and not is_call)
        return word != "{"
