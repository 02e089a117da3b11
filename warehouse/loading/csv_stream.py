"""The bytes of a CSV file in blocks of whole records, made safe for Arrow's parser.

Arrow takes a quote that is never closed, or text after a closing quote, without a word, and stops
at bytes that are not UTF-8. So both are looked for here, before it sees them.
"""

import codecs
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from clickward.warehouse.errors import UserError
from clickward.warehouse.loading.files import Compression, read_some

# A code point that text never holds ("noncharacter") stands for each byte that is not UTF-8.
MARK = "\ufdd0"
# Short records cost a thousand times their bytes where they are refused: read few of them at once.
CHUNK = 1 << 20
LONGEST_RECORD = 8 << 20
LONGEST_HEADER = 128 << 10
QUOTE = 0x22
BOUNDS = np.zeros(256, dtype=bool)
BOUNDS[list(b',\r\n"')] = True
ENDS = frozenset(b",\r\n")

LF, CR, COMMA = 0x0A, 0x0D, 0x2C

Places = npt.NDArray[np.int64]
NOWHERE: Places = np.array([], dtype=np.int64)

codecs.register_error(
    "clickward-mark",
    lambda error: (MARK * (error.end - error.start), error.end),  # type: ignore[attr-defined]
)


class CsvStream:
    """A file's records: unpacked, valid UTF-8, quotes checked.

    `has_marks` tells whether a byte that is not UTF-8 has been replaced by `MARK`, `records` how
    many records have begun so far, the header included; blank lines are none. Reading raises
    `UserError` naming the line where quotes go wrong.
    """

    def __init__(self, path: Path, compression: Compression | None) -> None:
        self.path = path
        self.has_marks = False
        self.records = 0
        self._compression = compression
        self._raw = pa.OSFile(str(path), "rb")
        self._stream = (
            pa.CompressedInputStream(self._raw, compression) if compression else self._raw
        )
        self._decoder = codecs.getincrementaldecoder("utf-8")("clickward-mark")
        self._is_text_pending = False
        self._last = ord("\n")
        self._is_between = True
        self._line = 1
        self._is_quoted = False
        self._quoted_since = 1

    def position(self) -> int:
        """Bytes of the file on disk read so far."""
        return 0 if self._raw.closed else self._raw.tell()

    def close(self) -> None:
        self._stream.close()
        self._raw.close()

    def blocks(self) -> Iterator[bytes]:
        """The file from its start, cut after line ends that are not inside quotes."""
        rest = b""
        for chunk in self._chunks():
            end = self._follow(chunk)
            if end:
                yield rest + chunk[:end]
                rest = chunk[end:]
            else:
                rest += chunk
            if len(rest) > LONGEST_RECORD:
                raise self._endless()
        if self._is_quoted:
            raise self._broken("a quote is opened and never closed")
        if rest:
            yield rest

    def _chunks(self) -> Iterator[bytes]:
        """Text in pieces that never end in a quote: what follows one decides what it means."""
        held = b""
        is_start = True
        while raw := read_some(self.path, self._stream, CHUNK, self._compression):
            text = self._as_utf8(raw.removeprefix(codecs.BOM_UTF8) if is_start else raw)
            is_start = False
            chunk = held + text
            kept = chunk.rstrip(b'"')
            held = chunk[len(kept) :]
            if len(held) > LONGEST_RECORD:
                raise self._endless()
            if kept:
                yield kept
        if last := held + self._as_utf8(b""):
            yield last

    def _as_utf8(self, raw: bytes) -> bytes:
        if raw.isascii() and not self._is_text_pending:
            return raw
        text = self._decoder.decode(raw, final=not raw)
        self._is_text_pending = bool(self._decoder.getstate()[0])
        self.has_marks = self.has_marks or MARK in text
        return text.encode()

    def _follow(self, chunk: bytes) -> int:
        """Follow quotes through `chunk`; returns the index after its last record, 0 without one."""
        was_quoted = self._is_quoted
        if b'"' not in chunk:
            end = 0 if self._is_quoted else _last_line_end(chunk)
            if not was_quoted:
                self._count(chunk)
        else:
            opened, closed = self._quotes(chunk)
            end = _last_line_end(chunk)
            self._count(chunk, opened, closed, was_quoted)
            # Inside quotes more stretches are open than closed: look before the last of them.
            while end and was_quoted + np.searchsorted(opened, end) > np.searchsorted(closed, end):
                inside = int(np.searchsorted(opened, end)) - 1
                end = _last_line_end(chunk, int(opened[inside])) if inside >= 0 else 0
        self._line += chunk.count(b"\n")
        self._last = chunk[-1]
        return end

    def _count(
        self,
        chunk: bytes,
        opened: Places = NOWHERE,
        closed: Places = NOWHERE,
        was_quoted: bool = False,
    ) -> None:
        """Count the records that begin in `chunk`: what follows a line end outside quotes.

        This is done apart from Arrow's parser, so that rows it loses are missed.
        """
        if b"\r" not in chunk and b"\n\n" not in chunk and not len(opened) and not was_quoted:
            # Plain lines, none of them blank: as many begin as end, but for the edges.
            begins = self._is_between and chunk[0] != LF
            self.records += begins + chunk.count(b"\n") - chunk.endswith(b"\n")
            self._is_between = chunk.endswith(b"\n")
            return
        data = np.frombuffer(chunk, dtype=np.uint8)
        is_end = (data == LF) | (data == CR)
        places = np.flatnonzero(is_end)
        opens = np.searchsorted(opened, places) + was_quoted
        is_end[places[opens > np.searchsorted(closed, places)]] = False
        after_end = np.concatenate(([self._is_between], is_end[:-1]))
        self.records += int(np.count_nonzero(after_end & ~is_end))
        self._is_between = bool(is_end[-1])

    def _quotes(self, chunk: bytes) -> tuple[Places, Places]:
        """Where quoted stretches of `chunk` open and close, found at once where all is regular.

        A doubled quote closes a stretch and opens the next.
        """
        data = np.frombuffer(chunk, dtype=np.uint8)
        places = np.flatnonzero(data == QUOTE)
        before = data[places - 1]
        if places[0] == 0:
            before[0] = self._last
        after = data.take(places + 1, mode="clip")
        if places[-1] == len(data) - 1:
            after[-1] = ord("\n")
        first = int(self._is_quoted)
        if not (BOUNDS[before[first::2]].all() and BOUNDS[after[1 - first :: 2]].all()):
            return self._quotes_one_by_one(chunk, places.tolist())
        opened, closed = places[first::2], places[1 - first :: 2]
        self._is_quoted = bool(len(opened) + first > len(closed))
        if self._is_quoted and len(opened):
            self._quoted_since = self._line + chunk.count(b"\n", 0, int(opened[-1]))
        return opened, closed

    def _quotes_one_by_one(self, chunk: bytes, places: list[int]) -> tuple[Places, Places]:
        """The same where a quote stands inside an unquoted field: there it is text."""
        opened: list[int] = []
        closed: list[int] = []
        skipped = -1

        def remember_line() -> None:
            if opened:
                self._quoted_since = self._line + chunk.count(b"\n", 0, opened[-1])

        for place in places:
            if place == skipped:
                continue
            after = chunk[place + 1] if place + 1 < len(chunk) else ord("\n")
            if not self._is_quoted:
                if (chunk[place - 1] if place else self._last) in ENDS:
                    self._is_quoted = True
                    opened.append(place)
            elif after == QUOTE:
                skipped = place + 1
            elif after in ENDS:
                self._is_quoted = False
                closed.append(place)
            else:
                remember_line()
                raise self._broken("a quoted field has text after its closing quote")
        remember_line()
        return np.array(opened, dtype=np.int64), np.array(closed, dtype=np.int64)

    def _broken(self, what: str) -> UserError:
        return UserError(
            f"{self.path}: line {self._quoted_since}: {what},"
            " expected fields quoted as in RFC 4180",
            "what follows cannot be told apart: mend the quote, doubling quotes inside a field",
        )

    def _endless(self) -> UserError:
        size = f"{LONGEST_RECORD >> 20} MiB"
        if self._is_quoted:
            return self._broken(f"a quote is opened and not closed within {size}")
        return UserError(
            f"{self.path}: found a record of more than {size} before line {self._line + 1}",
            "expected one record a line",
        )


def split_header(path: Path, block: bytes) -> tuple[bytes, bytes]:
    """The first record with its line end, and what follows it.

    Quotes are followed as in the rows: one inside an unquoted field is text. Raises `UserError`
    where there is no record, or one that is too long or not UTF-8.
    """
    block = block.lstrip(b"\r\n")
    if not block:
        raise UserError(f"{path}: the file has only blank lines", "expected a header")
    end = _first_record_end(block[: LONGEST_HEADER + 1])
    if end > LONGEST_HEADER:
        raise UserError(
            f"{path}: the first record has more than {LONGEST_HEADER >> 10} KiB,"
            " expected a header of column names",
            "add the header, or remove what stands before it",
        )
    if MARK.encode() in block[:end]:
        raise UserError(f"{path}: the header is not UTF-8 text", "convert the file to UTF-8")
    return block[:end], block[end:]


def _first_record_end(block: bytes) -> int:
    is_quoted = False
    before = LF
    for place, byte in enumerate(block):
        if byte == QUOTE and (is_quoted or before in ENDS):
            # A doubled quote closes and opens at once: between the two there is nothing.
            is_quoted = not is_quoted
            before = COMMA
            continue
        if byte in (LF, CR) and not is_quoted:
            return place + 1 + (block[place : place + 2] == b"\r\n")
        before = byte
    return len(block)


def _last_line_end(chunk: bytes, before: int | None = None) -> int:
    """Index after the last line end, 0 without one; a final CR may be half of a CRLF."""
    before = len(chunk) if before is None else before
    return chunk.rfind(b"\n", 0, before) + 1 or chunk.rfind(b"\r", 0, max(before - 1, 0)) + 1
