"""Which files there are, and what each of them is, whatever its name says."""

import glob
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa

from clickward.warehouse.errors import UserError

Compression = Literal["gzip", "zstd"]
SUFFIXES = (".csv", ".csv.gz", ".csv.zst", ".gz", ".zst", ".parquet")
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
class Missing:
    """A path on the command line that names no file, with the reason."""

    path: str
    error: UserError


def expand(paths: Iterable[str]) -> list[Path | Missing]:
    """Files named by files, folders (searched to the bottom) and patterns; each once."""
    found: dict[str, Path | Missing] = {}
    for text in paths:
        for item in _expand_one(text):
            key = item.path if isinstance(item, Missing) else str(item.resolve())
            found.setdefault(key, item)
    return list(found.values())


def _expand_one(text: str) -> list[Path | Missing]:
    path = Path(text)
    if path.is_dir():
        files = sorted(
            file
            for file in path.rglob("*")
            if file.is_file()
            and file.name.lower().endswith(SUFFIXES)
            and not any(p.startswith((".", "_")) for p in file.relative_to(path).parts)
        )
        return [*files] or [
            Missing(
                text,
                UserError(
                    f"{text}: the folder has no file to load",
                    f"files end in {', '.join(SUFFIXES)}",
                ),
            )
        ]
    if path.is_file():
        return [path]
    if path.exists():
        return [Missing(text, UserError(f"{text}: is no regular file", "copy it to a file first"))]
    if glob.has_magic(text):
        matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 (takes absolute ones)
        if matches:
            return [item for match in matches for item in _expand_one(match)]
        return [Missing(text, UserError(f"{text}: no file matches", "check the pattern"))]
    return [Missing(text, UserError(f"{text}: no such file", "check the path"))]


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
