"""Which files there are, and what each of them is, whatever its name says."""

import glob
import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa

from clickward.warehouse.errors import UsageError, UserError
from clickward.warehouse.loading.recognise import topic_of

Compression = Literal["gzip", "zstd"]
SUFFIXES = (".csv", ".csv.gz", ".csv.zst", ".gz", ".zst", ".parquet")
# A part of a Data Locker may have no suffix: its content tells what it is.
BARE_PART = re.compile(r"part[-_]?\w[-\w]*", re.IGNORECASE)
# Files that go along with others and hold no rows: left out without a word.
BESIDE = (".crc", ".md5", ".sha1", ".sha256", ".sha512", "thumbs.db", "desktop.ini")
NAMED = 8
HEAD = 1 << 16
PARQUET_MAGIC = b"PAR1"
OTHERS = {
    b"PK\x03\x04": "a zip archive",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ\x00": "an xz file",
    b"\x04\x22\x4d\x18": "an lz4 file",
    b"PARE": "an encrypted Parquet file",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}


@dataclass(frozen=True)
class Format:
    """What a file holds, found from its content."""

    kind: Literal["csv", "parquet"]
    compression: Compression | None = None

    def __str__(self) -> str:
        ending = {None: "", "gzip": ".gz", "zstd": ".zst"}[self.compression]
        return self.kind + ending


@dataclass(frozen=True)
class Found:
    """A file to load; `searched` is the folder of the command line that it was found in, if any."""

    path: Path
    searched: Path | None = None


@dataclass(frozen=True)
class Missing:
    """A path that names no file to load, with the reason."""

    path: str
    error: UserError


@dataclass(frozen=True)
class LeftOut:
    """Files of a searched folder that are not loaded for what their names end in."""

    path: Path
    names: tuple[str, ...]

    def __str__(self) -> str:
        count = len(self.names)
        files = "1 file" if count == 1 else f"{count:,} files"
        end = "its name ends" if count == 1 else "their names end"
        some = ", ".join(printable(name) for name in self.names[:NAMED])
        more = ", …" if count > NAMED else ""
        return (
            f"{printable(str(self.path))}: {files} left out, {end} in none of"
            f" {', '.join(SUFFIXES)}: {some}{more}"
        )


Item = Found | Missing | LeftOut


def expand(paths: Iterable[str]) -> list[Item]:
    """Files named by files, folders (searched to the bottom) and patterns; each once."""
    found: dict[str, Item] = {}
    for text in paths:
        items: list[Item]
        try:
            items = _expand_one(text)
        except OSError as error:
            items = [_missing(text, f"cannot be read: {error.strerror}", "check its rights")]
        for item in items:
            key = item.path if isinstance(item, Missing) else str(item.path.resolve())
            found.setdefault(key, item)
    return list(found.values())


def _expand_one(text: str) -> list[Item]:
    if not text:
        raise UsageError("found an empty path", "name a file, a folder or a quoted pattern")
    path = Path(text)
    if path.is_dir():
        items = _search(path)
        if all(isinstance(item, LeftOut) for item in items):
            what, hint = "the folder has no file to load", f"files end in {', '.join(SUFFIXES)}"
            items.append(_missing(text, what, hint))
        return items
    if path.is_file():
        return [_named(path)]
    if path.exists():
        return [_missing(text, "is no regular file", "copy it to a file first")]
    if glob.has_magic(text):
        matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 (takes absolute ones)
        if matches:
            return [item for match in matches for item in _expand_one(match)]
        return [_missing(text, "no file matches", "check the pattern")]
    return [_missing(text, "no such file", "check the path")]


def _search(folder: Path) -> list[Item]:
    """The files below `folder`, in order; a folder that cannot be read is told, not passed over."""
    unreadable: list[OSError] = []
    found: list[Item] = []
    others: list[str] = []
    for here, folders, files in os.walk(folder, onerror=unreadable.append):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        for name in files:
            path = Path(here, name)
            if name.startswith((".", "_")) or name.lower().endswith(BESIDE) or not path.is_file():
                continue
            if name.lower().endswith(SUFFIXES) or (BARE_PART.fullmatch(name) and topic_of(path)):
                found.append(_named(path, folder))
            else:
                others.append(str(path.relative_to(folder)))
    found.sort(key=lambda item: str(item.path))
    if others:
        found.append(LeftOut(folder, tuple(sorted(others))))
    return found + [
        _missing(str(error.filename), f"cannot be read: {error.strerror}", "check its rights")
        for error in unreadable
    ]


def _named(path: Path, searched: Path | None = None) -> Found | Missing:
    """The file, where its name is text: lineage and the ledger keep it."""
    if is_text(str(path)):
        return Found(path, searched)
    return _missing(str(path), "its name is not UTF-8 text", "rename the file or its folder")


def is_text(name: str) -> bool:
    """False where the system's name of a file has bytes that are not UTF-8."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def printable(name: str) -> str:
    """A name as it can be printed: bytes that are not UTF-8 as `\\xff`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _missing(path: str, what: str, hint: str) -> Missing:
    shown = printable(path)
    return Missing(shown, UserError(f"{shown}: {what}", hint))


def sniff(path: Path) -> Format:
    """What the file is, from its first bytes; its name must not claim something else.

    Raises `UserError` for an empty file, binary content, or a name that contradicts it.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise unreadable(path, error) from error
    compression = compression_of(head)
    if compression:
        with decompressed(path, compression) as stream:
            head = read_some(path, stream, HEAD, compression)
    if not head:
        raise UserError(f"{path}: the file is empty", "expected a header and rows")
    if head.startswith(PARQUET_MAGIC):
        if compression:
            raise UserError(
                f"{path}: found a Parquet file inside {compression}, expected CSV",
                "unpack it: Parquet is compressed by itself",
            )
        return _as_claimed(path, Format("parquet"))
    _refuse_binary(path, head)
    return _as_claimed(path, Format("csv", compression))


def unreadable(path: Path, error: OSError) -> UserError:
    """What to say where the system refuses to read the file."""
    return UserError(f"{path}: cannot be read: {error.strerror or error}", "check its rights")


def _refuse_binary(path: Path, head: bytes) -> None:
    what = next((name for magic, name in OTHERS.items() if head.startswith(magic)), None)
    if what is None and b"\x00" in head:
        what = "binary data"
    if what is not None:
        raise UserError(
            f"{path}: found {what}, expected CSV (UTF-8; plain, gzip or zstd) or Parquet",
            "convert the file first",
        )


def _as_claimed(path: Path, found: Format) -> Format:
    name = path.name.lower()
    claims: tuple[tuple[str, bool], ...] = (
        (".parquet", found.kind == "parquet"),
        (".csv", found.kind == "csv"),
        (".gz", found.compression == "gzip"),
        (".zst", found.compression == "zstd"),
    )
    for ending, holds in claims:
        if name.endswith(ending) and not holds:
            raise UserError(
                f"{path}: is not what it claims: found {_words(found)}, expected {ending}",
                f"rename it so that it ends in .{found}",
            )
    return found


def _words(found: Format) -> str:
    if found.kind == "parquet":
        return "a Parquet file"
    return f"{found.compression}-compressed CSV" if found.compression else "plain CSV text"


def compression_of(head: bytes) -> Compression | None:
    """gzip or zstd, by the magic bytes (a zstd file may begin with a skippable frame)."""
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"\x28\xb5\x2f\xfd") or (
        head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F
    ):
        return "zstd"
    return None


def decompressed(path: Path, compression: Compression | None) -> pa.NativeFile:
    """The file's bytes as a stream, unpacked."""
    raw = pa.OSFile(str(path), "rb")
    return raw if compression is None else pa.CompressedInputStream(raw, compression)


def read_some(
    path: Path, stream: pa.NativeFile, size: int, compression: Compression | None
) -> bytes:
    """The next bytes of `stream`. Raises `UserError` where packed data is cut off or damaged."""
    try:
        return stream.read(size)
    except OSError as error:
        if "Truncated" in str(error):
            raise UserError(
                f"{path}: the {compression} data ends too early", "fetch the file again: it is cut"
            ) from error
        kind = compression or "file"
        raise UserError(f"{path}: the {kind} data is damaged", "fetch the file again") from error


def content_hash(path: Path) -> str:
    """SHA-256 of the file's bytes as they lie on disk."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error
