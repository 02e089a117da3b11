"""How many rows of a Parquet file may be decoded at once, so that memory is bounded in bytes.

A file says little of what it unpacks to: a dictionary of one long text and a million numbers that
point to it are some kilobytes. So the longest text of each dictionary is looked up before.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as compute
from pyarrow import parquet, types

from clickward.warehouse.errors import UserError
from clickward.warehouse.loading.parquet_pages import Pages, opened, pages_of

BATCH_ROWS = 16_384
BATCH_BYTES = 16 << 20
LONGEST_VALUE = 8 << 20
# Of all columns together; DuckDB, which writes the largest pages, stays below 100 MB each.
OPEN_PAGES = 512 << 20
# After larger ones memory is given back.
LARGE_DICTIONARY = 4 << 20
# How much fuller than the average of its row group a batch may be, unseen.
SKEW = 16
# Texts stored as what differs from the one before: nothing tells how long they are.
FEWEST_DELTA_ROWS = 64
WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8}


@dataclass(frozen=True)
class Leaf:
    """One stored column of a row group: where it is, and what is known of its values."""

    place: int
    path: str
    values: int
    stored_bytes: int
    width: int | None
    is_nested: bool
    has_dictionary: bool
    has_deltas: bool
    pages: Pages


def open_file(path: Path, **options: object) -> parquet.ParquetFile:
    """The file, read without pre-buffering: memory does not grow with the size of a row group."""
    return parquet.ParquetFile(
        path,
        pre_buffer=False,
        buffer_size=1 << 20,
        # Nanoseconds, the default, hold no year after 2262 and turn it into another.
        coerce_int96_timestamp_unit="us",
        # Where the writer left checksums, a changed value is damage and no other value.
        page_checksum_verification=True,
        **options,
    )


def blocks(file: parquet.ParquetFile, path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """The rows of `columns`, in blocks that hold some `BATCH_BYTES` at most.

    Raises `UserError` for a value that is too long to be one.
    """
    texts = _texts(file, columns)
    with opened(path) as content, open_file(path, read_dictionary=texts) as dictionaries:
        for group in range(file.metadata.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if not rows:
                continue
            leaves = list(_leaves(file.metadata, content, group, columns))
            unpacked = sum(leaf.pages.largest for leaf in leaves)
            if unpacked > OPEN_PAGES:
                raise UserError(
                    f"{path}: found pages that unpack to {unpacked >> 20:,} MiB at once, expected"
                    f" {OPEN_PAGES >> 20} MiB at most",
                    "write the file with pages of a megabyte, as most writers do",
                )
            most = batch_rows(rows, leaves, _widest_of(dictionaries, path, group, leaves))
            for block in file.iter_batches(batch_size=most, row_groups=[group], columns=columns):
                yield from _slices(block)


def batch_rows(rows: int, leaves: list[Leaf], widest: dict[str, int]) -> int:
    """Rows to decode at once, of a row group of `rows`; `widest` are bytes by a leaf's path."""
    each = spread = 0
    fewest = 1
    for leaf in leaves:
        longest = widest.get(leaf.path, 0) if leaf.width is None else leaf.width
        unpacked = max(leaf.stored_bytes, longest * leaf.values)
        if leaf.has_deltas:
            each += leaf.stored_bytes
            fewest = FEWEST_DELTA_ROWS
        elif leaf.is_nested:
            spread += unpacked
        else:
            each += longest
            spread += leaf.stored_bytes
    most = BATCH_ROWS if not each else max(BATCH_BYTES // each, fewest)
    if spread > BATCH_BYTES:
        most = min(most, max(rows * BATCH_BYTES // (SKEW * spread), 1))
    return int(min(most, BATCH_ROWS))


def _leaves(
    metadata: parquet.FileMetaData, content: mmap.mmap, group: int, columns: list[str]
) -> Iterator[Leaf]:
    found = metadata.row_group(group)
    for place in range(found.num_columns):
        column = metadata.schema.column(place)
        if not _is_of(column.path, columns):
            continue
        chunk = found.column(place)
        width = WIDTHS.get(chunk.physical_type)
        if chunk.physical_type == "FIXED_LEN_BYTE_ARRAY":
            width = column.length
        yield Leaf(
            place=place,
            path=chunk.path_in_schema,
            values=chunk.num_values,
            stored_bytes=chunk.total_uncompressed_size,
            width=width,
            is_nested=chunk.path_in_schema not in columns or column.max_repetition_level > 0,
            has_dictionary=any("DICTIONARY" in encoding for encoding in chunk.encodings),
            has_deltas="DELTA_BYTE_ARRAY" in chunk.encodings,
            pages=pages_of(content, metadata, group, place),
        )


def _is_of(path: str, columns: list[str]) -> bool:
    return path in columns or path.split(".")[0] in columns


def _texts(file: parquet.ParquetFile, columns: list[str]) -> list[str]:
    """Paths of the leaves of `columns` that hold texts."""
    schema = file.metadata.schema
    leaves = [schema.column(place) for place in range(len(schema))]
    return [
        leaf.path
        for leaf in leaves
        if leaf.physical_type == "BYTE_ARRAY" and _is_of(leaf.path, columns)
    ]


def _widest_of(
    dictionaries: parquet.ParquetFile, path: Path, group: int, leaves: list[Leaf]
) -> dict[str, int]:
    """Bytes of the longest text in each dictionary of the row group, by the leaf's path."""
    found = {}
    for leaf in leaves:
        if leaf.width is not None or not leaf.has_dictionary:
            continue
        longest = _longest(dictionaries, group, leaf)
        found[leaf.path] = leaf.stored_bytes if longest is None else longest
        if found[leaf.path] > LONGEST_VALUE:
            raise UserError(
                f"{path}: found a value of {found[leaf.path] >> 20} MiB in the column"
                f" {leaf.path}, expected {LONGEST_VALUE >> 20} MiB at most",
                "leave the column out of the file",
            )
    if any(leaf.pages.dictionary > LARGE_DICTIONARY for leaf in leaves):
        pa.default_memory_pool().release_unused()
    return found


def _longest(file: parquet.ParquetFile, group: int, leaf: Leaf) -> int | None:
    rows = file.iter_batches(batch_size=1, row_groups=[group], columns=[leaf.path])
    first = next(rows, None)
    return _widest(first.column(0)) if first is not None else None


def _widest(values: pa.Array) -> int | None:
    """Bytes of the longest text in the dictionaries of `values`, None where it has none."""
    kind = values.type
    if types.is_dictionary(kind):
        return compute.max(compute.binary_length(values.dictionary)).as_py()
    if types.is_struct(kind):
        inner = [values.field(place) for place in range(kind.num_fields)]
    elif types.is_map(kind):
        inner = [values.keys, values.items]
    elif types.is_nested(kind):
        inner = [values.values]
    else:
        return None
    known = [longest for array in inner if (longest := _widest(array)) is not None]
    return max(known, default=None)


def _slices(block: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The block, in pieces where it holds more than was foreseen."""
    rows = max(block.num_rows * BATCH_BYTES // max(block.nbytes, 1), 1)
    for first in range(0, block.num_rows, rows):
        yield block.slice(first, rows)
