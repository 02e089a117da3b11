"""How much a Parquet file makes its reader hold at once: the sizes in the headers of its pages.

A page is unpacked whole, and a few kilobytes may unpack to gigabytes; no library tells their sizes.
Headers are Thrift's compact protocol, https://github.com/apache/parquet-format.
"""

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyarrow import parquet

VARINTS, BINARY, STRUCT = {4, 5, 6}, 8, 12
FIXED = {1: 0, 2: 0, 3: 1, 7: 8}
DICTIONARY_PAGE = 2


class Damaged(ValueError):
    """Bytes that are no header of a page."""


@dataclass(frozen=True)
class Pages:
    """Bytes that the dictionary of a column of a row group and its largest page unpack to."""

    dictionary: int
    largest: int


@contextmanager
def opened(path: Path) -> Iterator[mmap.mmap]:
    """The bytes of the file."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield content


def is_signed(content: mmap.mmap, metadata: parquet.FileMetaData) -> bool:
    """Whether a signature follows the footer: some columns are encrypted then.

    Asking pyarrow for such a column ends the process.
    """
    footer = int.from_bytes(content[-8:-4], "little")
    return footer != metadata.serialized_size


def pages_of(content: mmap.mmap, metadata: parquet.FileMetaData, group: int, place: int) -> Pages:
    """The sizes of one column chunk's pages. Raises `Damaged`."""
    chunk = metadata.row_group(group).column(place)
    start = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset:
        start = min(start, chunk.dictionary_page_offset)
    dictionary = largest = 0
    try:
        for kind, size in _pages(content, start, start + chunk.total_compressed_size):
            largest = max(largest, size)
            dictionary = size if kind == DICTIONARY_PAGE else dictionary
    except IndexError as error:
        raise Damaged(f"a page of {chunk.path_in_schema} has no header") from error
    return Pages(dictionary, largest)


def _pages(content: mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int]]:
    """Kind and unpacked size of each page between two places of the file."""
    while at < end:
        header = _Header(content, at)
        if min(header.numbers.get(field, -1) for field in (1, 2, 3)) < 0:
            raise Damaged(f"no header of a page at {at}")
        yield header.numbers[1], header.numbers[2]
        at = header.at + header.numbers[3]


class _Header:
    """A pass over one struct: its whole numbers by field, and where it ends."""

    def __init__(self, content: mmap.mmap, at: int) -> None:
        self.content = content
        self.at = at
        self.numbers: dict[int, int] = {}
        self._struct(depth=0)

    def _byte(self) -> int:
        self.at += 1
        return self.content[self.at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise Damaged(f"no number at {self.at}")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _struct(self, depth: int) -> None:
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._zigzag()
            if not depth and head & 15 in VARINTS:
                self.numbers[field] = self._zigzag()
            else:
                self._skip(head & 15, depth)

    def _skip(self, kind: int, depth: int) -> None:
        if depth > 8:
            raise Damaged(f"no header of a page at {self.at}")
        if kind in FIXED:
            self.at += FIXED[kind]
        elif kind in VARINTS:
            self._varint()
        elif kind == BINARY:
            length = self._varint()
            self.at += length
        elif kind == STRUCT:
            self._struct(depth + 1)
        else:
            # The format has lists and maps nowhere in the header of a page.
            raise Damaged(f"no header of a page at {self.at}")
