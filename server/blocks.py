"""ClickHouse's own compressed blocks, which its JDBC driver sends and asks for.

A block is a checksum (CityHash128 of what follows), a method, the sizes of the block (without the
checksum) and of its content, and the content.
https://clickhouse.com/docs/native-protocol/compression
"""

import struct
import sys
from collections.abc import Iterator

import lz4.block
from clickhouse_cityhash.cityhash import CityHash128

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from clickward.server.errors import CANNOT_DECOMPRESS, refusal

HEADER = struct.Struct("<BII")
CHECKSUM_BYTES = 16
NONE, LZ4, ZSTD = 0x02, 0x82, 0x90
LARGEST = 1 << 27
CONTENT = 1 << 20


class BlockWriter:
    """Cuts a result into LZ4 blocks."""

    def compress(self, data: bytes) -> bytes:
        return b"".join(
            _block(data[start : start + CONTENT]) for start in range(0, len(data), CONTENT)
        )

    def flush(self) -> bytes:
        return b""


class BlockReader:
    """Reads a body of blocks; a wrong checksum is refused."""

    def __init__(self) -> None:
        self._left = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._left += data
        while len(self._left) >= CHECKSUM_BYTES + HEADER.size:
            method, size, content_size = HEADER.unpack_from(self._left, CHECKSUM_BYTES)
            if not HEADER.size <= size <= LARGEST or content_size > LARGEST:
                raise refusal(CANNOT_DECOMPRESS, "Too large a compressed block")
            end = CHECKSUM_BYTES + size
            if len(self._left) < end:
                return
            block = bytes(self._left[CHECKSUM_BYTES:end])
            if _checksum(block) != bytes(self._left[:CHECKSUM_BYTES]):
                raise refusal(CANNOT_DECOMPRESS, "Checksum doesn't match: corrupted data")
            del self._left[:end]
            yield _content(method, block[HEADER.size :], content_size)

    def finish(self) -> None:
        if self._left:
            raise refusal(CANNOT_DECOMPRESS, "Cannot read all data: a block is cut off")


def _block(content: bytes) -> bytes:
    packed = lz4.block.compress(content, store_size=False)
    block = HEADER.pack(LZ4, HEADER.size + len(packed), len(content)) + packed
    return _checksum(block) + block


def _content(method: int, packed: bytes, size: int) -> bytes:
    try:
        if method == LZ4:
            return bytes(lz4.block.decompress(packed, uncompressed_size=size))
        if method == ZSTD:
            return zstd.ZstdDecompressor().decompress(packed, size)
        if method == NONE:
            return packed
    except (lz4.block.LZ4BlockError, zstd.ZstdError, ValueError) as error:
        raise refusal(CANNOT_DECOMPRESS, f"Cannot decompress a block: {error}") from error
    raise refusal(CANNOT_DECOMPRESS, f"Unknown compression method {method:#x}")


def _checksum(block: bytes) -> bytes:
    # The two halves stand with the lower one first, which the number has last.
    number: int = CityHash128(block)
    low, high = number & ((1 << 64) - 1), number >> 64
    return struct.pack("<QQ", high, low)
