"""Hashes of content: the same rows give the same hash however they are batched or stored."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl


def sha256_text(text: str) -> str:
    """Hex SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def hash_folder(folder: Path, skip: tuple[str, ...] = ()) -> str:
    """SHA-256 over the names and bytes of a folder's files, in order of name."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in skip:
            whole.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


class ContentHash:
    """SHA-256 of rows in order, fed with frames of any height.

    Every column has hashers of its own: which values are null, the values (nulls as zero,
    little-endian; one bit pattern for NaN), and for text its lengths and its UTF-8 bytes; of an
    array its lengths (-1 where null), then its elements as a column. So the result does not
    depend on where one frame ends and the next begins.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._columns: dict[str, tuple[str, list[Any]]] = {}

    def update(self, frame: pl.DataFrame) -> None:
        """Add rows. Raises `ValueError` where columns or types differ from the rows before."""
        kinds = [(name, str(dtype)) for name, dtype in frame.schema.items()]
        if not self._columns:
            self._columns = {
                name: (kind, [hashlib.sha256() for _ in range(4 if "List" in kind else 3)])
                for name, kind in kinds
            }
        expected = [(name, kind) for name, (kind, _) in self._columns.items()]
        if kinds != expected:
            raise ValueError(f"expected columns {expected}, found {kinds}")
        for column in frame.iter_columns():
            for hasher, data in zip(self._columns[column.name][1], _parts(column), strict=False):
                hasher.update(data)
        self.rows += frame.height

    def hexdigest(self) -> str:
        """Hex digest of all rows so far."""
        whole = hashlib.sha256(str(self.rows).encode())
        for name, (kind, hashers) in self._columns.items():
            digests = " ".join(hasher.hexdigest() for hasher in hashers)
            whole.update(f"{name}\0{kind}\0{digests}\n".encode())
        return whole.hexdigest()


def _parts(column: pl.Series) -> list[bytes]:
    known = column.is_not_null().to_numpy().astype(np.uint8).tobytes()
    if column.dtype == pl.String:
        text = column.fill_null("")
        lengths = text.str.len_bytes().to_numpy().astype("<u8").tobytes()
        return [known, lengths, "".join(text.to_list()).encode()]
    if column.dtype == pl.List:
        lengths = column.list.len().cast(pl.Int64).fill_null(-1).to_numpy().astype("<i8").tobytes()
        return [lengths, *_parts(column.drop_nulls().explode(empty_as_null=False))]
    if isinstance(column.dtype, pl.Datetime):
        column = column.to_physical()
    if column.dtype == pl.Boolean:
        column = column.cast(pl.UInt8)
    values = column.fill_null(0).to_numpy()
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), values.dtype.type(np.nan), values)
    return [known, values.astype(values.dtype.newbyteorder("<")).tobytes()]
