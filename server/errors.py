"""What a client is told: ClickHouse's codes, texts and HTTP statuses."""

import re

ABORTED = 236
AUTHENTICATION_FAILED = 516
ACCESS_DENIED = 497
BAD_ARGUMENTS = 36
CANNOT_DECOMPRESS = 271
NETWORK_ERROR = 210
NOT_IMPLEMENTED = 48
QUERY_IS_TOO_LARGE = 396
READONLY = 164
REQUIRED_PASSWORD = 194
SESSION_IS_LOCKED = 373
SESSION_NOT_FOUND = 372
SOCKET_TIMEOUT = 209
STD_EXCEPTION = 1001
SYNTAX_ERROR = 62
TOO_MANY_SIMULTANEOUS_QUERIES = 202
UNKNOWN_COMPRESSION_METHOD = 89
UNKNOWN_ROLE = 511
UNKNOWN_SETTING = 115

NAMES = {
    value: name for name, value in list(globals().items()) if name.isupper() and name != "NAMES"
}
# As ClickHouse's own HTTP handler maps them; anything else is 500.
STATUSES = {
    REQUIRED_PASSWORD: 401,
    AUTHENTICATION_FAILED: 403,
    ACCESS_DENIED: 403,
    BAD_ARGUMENTS: 400,
    CANNOT_DECOMPRESS: 400,
    UNKNOWN_COMPRESSION_METHOD: 400,
    UNKNOWN_SETTING: 404,
    SYNTAX_ERROR: 400,
    QUERY_IS_TOO_LARGE: 413,
    NOT_IMPLEMENTED: 501,
    NETWORK_ERROR: 503,
    SOCKET_TIMEOUT: 408,
    ABORTED: 503,
    # ClickHouse's is 500; with 503 clients ask again by themselves.
    TOO_MANY_SIMULTANEOUS_QUERIES: 503,
    6: 400, 26: 400, 27: 400, 38: 400, 41: 400, 43: 400, 44: 400, 53: 400, 456: 400, 457: 400,
    16: 404, 46: 404, 47: 404, 50: 404, 60: 404, 63: 404, 73: 404, 81: 404, 192: 403, 193: 403,
}  # fmt: skip
CODE = re.compile(r"Code: (\d+)\. DB::")


class EngineError(Exception):
    """A refusal with ClickHouse's code; `text` is the whole message a client shows."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text

    @property
    def status(self) -> int:
        return STATUSES.get(self.code, 500)


def refusal(code: int, message: str) -> EngineError:
    """An error of the door's own, worded as the engine words its own."""
    return EngineError(code, f"Code: {code}. DB::Exception: {message} ({NAMES[code]})")


def from_engine(error: RuntimeError) -> EngineError:
    """The engine's exception, its code taken from its text."""
    text = str(error).strip()
    found = CODE.search(text)
    if found is None:
        return EngineError(
            STD_EXCEPTION, f"Code: {STD_EXCEPTION}. DB::Exception: {text} (STD_EXCEPTION)"
        )
    return EngineError(int(found.group(1)), text[found.start() :])
