"""Bodies as clients compress them, both ways, in pieces of bounded size."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import lz4.frame

from clickward.server.blocks import BlockReader, BlockWriter, zstd
from clickward.server.errors import CANNOT_DECOMPRESS, UNKNOWN_COMPRESSION_METHOD, refusal

PIECE = 1 << 20
BROKEN = (zlib.error, zstd.ZstdError, lzma.LZMAError, OSError, RuntimeError, ValueError, EOFError)


class Compressor(Protocol):
    """Takes pieces, gives pieces, and has an end."""

    def compress(self, data: bytes) -> bytes: ...
    def flush(self) -> bytes: ...


class Decompressor(Protocol):
    """Reads a body in pieces; `finish` refuses one that ends too early."""

    def feed(self, data: bytes) -> Iterator[bytes]: ...
    def finish(self) -> None: ...


class Frames:
    """A body of one or more compressed frames, by any library of Python's own manner."""

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        self.name = name
        self.make = make
        self._open: Any = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            while data:
                if self._open is None:
                    self._open = self.make()
                piece = self._open.decompress(data, PIECE)
                while piece:
                    yield piece
                    piece = b""
                    if not self._open.eof and not self._open.needs_input:
                        piece = self._open.decompress(b"", PIECE)
                data = b""
                if self._open.eof:
                    data, self._open = self._open.unused_data or b"", None
        except BROKEN as error:
            raise refusal(CANNOT_DECOMPRESS, f"Cannot decompress {self.name}: {error}") from error

    def finish(self) -> None:
        if self._open is not None:
            raise refusal(CANNOT_DECOMPRESS, f"Cannot decompress {self.name}: the body is cut off")


class Zlib:
    """zlib's decompressor in the manner of `bz2` and `lzma`."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self.needs_input = len(piece) < max_length and not self._inner.unconsumed_tail
        return piece


class Plain:
    """Not compressed."""

    def compress(self, data: bytes) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        if data:
            yield data

    def finish(self) -> None:
        """A plain body may end anywhere."""


class Lz4Frame:
    """lz4's compressor with its header in the first piece."""

    def __init__(self) -> None:
        self._inner = lz4.frame.LZ4FrameCompressor()
        self._begun = False

    def compress(self, data: bytes) -> bytes:
        header = b"" if self._begun else bytes(self._inner.begin())
        self._begun = True
        return header + bytes(self._inner.compress(data))

    def flush(self) -> bytes:
        header = b"" if self._begun else bytes(self._inner.begin())
        return header + bytes(self._inner.flush())


DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: Zlib(31),
    "x-gzip": lambda: Zlib(31),
    "deflate": lambda: Zlib(15),
    "zstd": zstd.ZstdDecompressor,
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "xz": lzma.LZMADecompressor,
    "bz2": bz2.BZ2Decompressor,
}
COMPRESSORS: dict[str, Callable[[], Compressor]] = {
    "gzip": lambda: zlib.compressobj(1, zlib.DEFLATED, 31),
    "deflate": lambda: zlib.compressobj(1, zlib.DEFLATED, 15),
    "zstd": lambda: zstd.ZstdCompressor(level=1),
    "lz4": Lz4Frame,
    "xz": lambda: lzma.LZMACompressor(preset=0),
    "bz2": lambda: bz2.BZ2Compressor(1),
}


def decompressor(encoding: str, in_blocks: bool) -> Decompressor:
    """For a body's Content-Encoding, or for ClickHouse's own blocks (`decompress=1`)."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return BlockReader() if in_blocks else Plain()
    if name not in DECOMPRESSORS:
        raise refusal(
            UNKNOWN_COMPRESSION_METHOD,
            f"Unknown Content-Encoding {encoding!r}: send {', '.join(DECOMPRESSORS)} or none",
        )
    return Frames(name, DECOMPRESSORS[name])


def compressor(accepted: str, in_blocks: bool) -> tuple[str, Compressor]:
    """The first encoding of an Accept-Encoding that is known, and its compressor."""
    if in_blocks:
        return "", BlockWriter()
    for offer in accepted.split(","):
        name, _, quality = offer.partition(";")
        name = name.strip().lower()
        if name in COMPRESSORS and quality.replace(" ", "") not in ("q=0", "q=0.0"):
            return name, COMPRESSORS[name]()
    return "", Plain()
