"""Files as they should not be, with what the loader must say of each."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa

HEADER = b"ip,app,device,os,channel,click_time,attributed_time,is_attributed\n"
SHORT = b"ip,app,device,os,channel,click_time\n"
NAMES = SHORT.decode().strip().split(",")


def rows(count: int, first: int = 1) -> list[bytes]:
    """Good rows; `ip` is the record number."""
    return [
        b"%d,3,1,13,497,2017-11-07 09:%02d:%02d,,0\n" % (n, n // 60 % 60, n % 60)
        for n in range(first, first + count)
    ]


def with_screens(lines: list[bytes]) -> bytes:
    """The rows with one more field, whose text holds a quote in every fourth of them."""
    short = [line.removesuffix(b",,0\n") for line in lines]
    return b"".join(
        line + (b',5"\n' if place % 4 == 3 else b",x\n") for place, line in enumerate(short)
    )


def noise(count: int) -> list[bytes]:
    """Good rows that do not compress well, so that a cut falls inside the data."""
    return [
        b"%d,3,1,13,%d,2017-11-07 09:30:38,,0\n" % (n, n * 2654435761 % 2**32) for n in range(count)
    ]


def with_row(number: int, line: bytes, count: int = 20) -> bytes:
    """A file of `count` records whose record `number` is `line`."""
    lines = rows(count)
    lines[number - 1] = line
    return HEADER + b"".join(lines)


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


def parquet(folder: Path, columns: dict[str, list[object]] | None = None) -> bytes:
    path = folder / "made.parquet"
    frame = pl.DataFrame(
        columns
        or {
            "ip": ["1", "2"], "app": ["3", "3"], "device": ["1", "1"], "os": ["13", "13"],
            "channel": ["497", "497"], "click_time": ["2017-11-07 09:30:38"] * 2,
        }
    )  # fmt: skip
    frame.write_parquet(path)
    data = path.read_bytes()
    path.unlink()
    return data


@dataclass(frozen=True)
class Refused:
    """A file that is refused as a whole: exit code 1, nothing kept."""

    name: str
    content: bytes | Callable[[Path], bytes] | None
    message: str
    hint: str


@dataclass(frozen=True)
class Taken:
    """A file that is loaded, with its counts, its rejected rows and its note."""

    name: str
    content: bytes | Callable[[Path], bytes]
    loaded: int
    rejected: tuple[tuple[int, str, str, str], ...] = ()
    note: str = ""
    said: str = ""


CUT = "fetch the file again: it is cut"
NEEDED = "a file of talkingdata clicks needs ip, app, device, os, channel, click_time"
QUOTES = "what follows cannot be told apart: mend the quote, doubling quotes inside a field"
CONVERT = "convert the file first"
FORMATS = "expected CSV (UTF-8; plain, gzip or zstd) or Parquet"

REFUSED = [
    Refused(
        "cut.csv.gz",
        lambda _: gzip.compress(HEADER + b"".join(noise(50_000)))[:-2000],
        "the gzip data ends too early",
        CUT,
    ),
    Refused(
        "cut.csv.zst",
        lambda _: zstd(HEADER + b"".join(noise(50_000)))[:-2000],
        "the zstd data ends too early",
        CUT,
    ),
    Refused(
        "damaged.csv.gz",
        lambda _: _damaged(gzip.compress(HEADER + b"".join(noise(50_000)))),
        "the gzip data is damaged",
        "fetch the file again",
    ),
    Refused(
        "cut.parquet",
        lambda folder: parquet(folder)[:-20],
        "found a Parquet file that is cut or damaged",
        "fetch the file again",
    ),
    Refused(
        "plain.parquet",
        HEADER + b"".join(rows(2)),
        "is not what it claims: found plain CSV text, expected .parquet",
        "rename it so that it ends in .csv",
    ),
    Refused(
        "table.csv",
        lambda folder: parquet(folder),
        "is not what it claims: found a Parquet file, expected .csv",
        "rename it so that it ends in .parquet",
    ),
    Refused(
        "plain.csv.gz",
        HEADER + b"".join(rows(2)),
        "is not what it claims: found plain CSV text, expected .gz",
        "rename it so that it ends in .csv",
    ),
    Refused(
        "gzip.csv.zst",
        lambda _: gzip.compress(HEADER + b"".join(rows(2))),
        "is not what it claims: found gzip-compressed CSV, expected .zst",
        "rename it so that it ends in .csv.gz",
    ),
    Refused(
        "packed.gz",
        lambda folder: gzip.compress(parquet(folder)),
        "found a Parquet file inside gzip, expected CSV",
        "unpack it: Parquet is compressed by itself",
    ),
    Refused("archive.csv", b"PK\x03\x04rest", f"found a zip archive, {FORMATS}", CONVERT),
    Refused("binary.csv", b"\x01\x02\x00\xff" * 100, f"found binary data, {FORMATS}", CONVERT),
    Refused(
        "utf16.csv",
        (HEADER + rows(1)[0]).decode().encode("utf-16"),
        f"found UTF-16 text, {FORMATS}",
        CONVERT,
    ),
    Refused("empty.csv", b"", "the file is empty", "expected a header and rows"),
    Refused(
        "empty.csv.gz",
        lambda _: gzip.compress(b""),
        "the file is empty",
        "expected a header and rows",
    ),
    Refused("blank.csv", b"\n\r\n\n", "the file has only blank lines", "expected a header"),
    Refused(
        "long_header.csv",
        SHORT.strip() + b"," + b"x" * 140_000 + b"\n1,3,1,13,497,2017-11-07 09:30:38,y\n",
        "the first record has more than 128 KiB, expected a header of column names",
        "add the header, or remove what stands before it",
    ),
    Refused(
        "no_line_ends.csv",
        b"1,3,1,13,497," * 12_000,
        "the first record has more than 128 KiB, expected a header of column names",
        "add the header, or remove what stands before it",
    ),
    Refused(
        "no_header.csv",
        b"".join(rows(3)),
        "the header lacks ip, app, device, os, channel, click_time;"
        " found 1, 3, 1, 13, 497, 2017-11-07 09:00:01, , 0",
        NEEDED,
    ),
    Refused(
        "missing.csv",
        b"ip,app,device,os,channel,is_attributed\n1,3,1,13,497,0\n",
        "the header lacks click_time; found ip, app, device, os, channel, is_attributed",
        NEEDED,
    ),
    Refused(
        "missing.parquet",
        lambda folder: parquet(folder, {"ip": ["1"], "app": ["3"]}),
        "the header lacks device, os, channel, click_time; found ip, app",
        NEEDED,
    ),
    Refused(
        "semicolons.csv",
        (HEADER + rows(1)[0]).replace(b",", b";"),
        "fields are separated by semicolons, expected commas",
        "export it as CSV",
    ),
    Refused(
        "twice.csv",
        SHORT.strip() + b", IP \n1,3,1,13,497,2017-11-07 09:30:38,2\n",
        "the header has the column ip more than once",
        "expected every column once: remove or rename the other",
    ),
    Refused(
        "latin1_header.csv",
        "ip,app,device,os,channel,click_time,Gerät\n".encode("latin-1"),
        "the header is not UTF-8 text",
        "convert the file to UTF-8",
    ),
    Refused(
        "lone_quote.csv",
        with_row(4, b'4,3,1,13,497,2017-11-07 09:30:38,,"0\n'),
        "line 5: a quote is opened and never closed, expected fields quoted as in RFC 4180",
        QUOTES,
    ),
    Refused(
        "lone_quote_last.csv",
        with_row(20, b'20,3,1,13,497,2017-11-07 09:30:38,,"'),
        "line 21: a quote is opened and never closed, expected fields quoted as in RFC 4180",
        QUOTES,
    ),
    Refused(
        "lone_quote_closed_later.csv",
        with_row(4, b'4,3,1,13,9,2017-11-07 09:30:38,,"0\n5,3,1,13,9,2017-11-07 09:30:38,,"0"\n'),
        "line 5: a quoted field has text after its closing quote,"
        " expected fields quoted as in RFC 4180",
        QUOTES,
    ),
    Refused(
        "half_bad.csv",
        HEADER + b"".join([*rows(2), b"3,x\n", b"4,x\n"]),
        "2 of 4 rows cannot be loaded, more than the share of 0.1 allowed;"
        " the first is row 3: wrong_number_of_fields, expected 8 fields, not 2",
        "mend the file, or allow more with --max-rejected",
    ),
    Refused(
        "all_bad.csv",
        HEADER + b"1,x\n",
        "1 of 1 rows cannot be loaded, more than the share of 0.1 allowed;"
        " the first is row 1: wrong_number_of_fields, expected 8 fields, not 2",
        "mend the file, or allow more with --max-rejected",
    ),
    Refused("absent.csv", None, "no such file", "check the path"),
    Refused("absent*.csv", None, "no file matches", "check the pattern"),
]


def _damaged(data: bytes) -> bytes:
    return data[:20_000] + bytes(64) + data[20_064:]


def _latin1(count: int = 20) -> bytes:
    return with_row(7, "7,3,1,13,Stra\xdfe,2017-11-07 09:30:38,,0\n".encode("latin-1"), count)


FIELDS = "wrong_number_of_fields"
TIME = "YYYY-MM-DD HH:MM:SS"
TAKEN = [
    Taken("crlf.csv", (HEADER + b"".join(rows(20))).replace(b"\n", b"\r\n"), 20),
    Taken("bom.csv", b"\xef\xbb\xbf" + HEADER + b"".join(rows(20)), 20),
    Taken("no_last_line_end.csv", (HEADER + b"".join(rows(20)))[:-1], 20),
    Taken("blank_lines.csv", HEADER + b"\n" + b"\n\n".join(rows(20)) + b"\n\n", 20),
    Taken(
        "permuted.csv",
        b"click_time,channel,ip,os,app,device\n2017-11-07 09:00:01,497,1,13,3,1\n",
        1,
    ),
    Taken(
        "capitals.csv",
        b" IP ,App,DEVICE,Os,channel,Click_Time\n1,3,1,13,497,2017-11-07 09:00:01\n",
        1,
    ),
    Taken(
        "extra.csv",
        SHORT.strip() + b",weather,\n1,3,1,13,497,2017-11-07 09:00:01,rain,\n",
        1,
        note="ignored columns: weather, (unnamed)",
    ),
    Taken(
        "quoted.csv", with_row(4, b'"4","3","1","13","4\n""97""","2017-11-07 09:30:38",,0\n'), 20
    ),
    # An hour without events.
    Taken("header_only.csv", HEADER, 0),
    Taken("header_without_line_end.csv", HEADER.strip(), 0),
    Taken("blank_rows.csv", HEADER + b"\n\r\n\n", 0),
    Taken("no_rows.parquet", lambda folder: parquet(folder, {name: [] for name in NAMES}), 0),
    # Quotes in the header follow the rule of the rows.
    Taken(
        "quote_in_header.csv",
        SHORT.strip() + b',screen 5"\n' + with_screens(rows(9)),
        9,
        note='ignored columns: screen 5"',
    ),
    Taken(
        "quoted_header.csv",
        b'"ip",app,"device",os,channel,"click_time","a ""b"",\nc"\n' + with_screens(rows(9)),
        9,
        note='ignored columns: a "b",\nc',
    ),
    Taken("stray_quote.csv", with_row(4, b'4,3,1,13,5" screen,2017-11-07 09:30:38,,0\n'), 20),
    Taken(
        "many_members.csv.gz",
        gzip.compress(HEADER + b"".join(rows(10))) + gzip.compress(b"".join(rows(10, 11))),
        20,
    ),
    Taken("packed.csv.zst", zstd(HEADER + b"".join(rows(20))), 20),
    Taken("unnamed_kind", gzip.compress(HEADER + b"".join(rows(20))), 20),
    Taken(
        "short_row.csv",
        with_row(3, b"3,x\n"),
        19,
        ((3, FIELDS, "8 fields, not 2", "3,x"),),
        said="1 of 20 rows rejected; the first is row 3: wrong_number_of_fields,"
        " expected 8 fields, not 2",
    ),
    Taken(
        "long_row.csv",
        with_row(20, rows(1)[0].strip() + b",more\n"),
        19,
        ((20, FIELDS, "8 fields, not 9", "1,3,1,13,497,2017-11-07 09:00:01,,0,more"),),
    ),
    Taken(
        "latin1.csv",
        _latin1(),
        19,
        ((7, "invalid_utf8", "UTF-8 text", "7,3,1,13,Stra\ufffde,2017-11-07 09:30:38,,0"),),
        said="1 of 20 rows rejected; the first is row 7: invalid_utf8, expected UTF-8 text",
    ),
    Taken(
        "latin1_short.csv",
        with_row(7, b"7,\xdf\n"),
        19,
        ((7, FIELDS, "8 fields, not 2", "7,\ufffd"),),
    ),
    Taken(
        "no_such_day.csv",
        with_row(2, b"2,3,1,13,497,2017-02-29 09:30:38,,0\n"),
        19,
        ((2, "invalid_datetime", f"click_time as {TIME}", "2,3,1,13,497,2017-02-29 09:30:38,,0"),),
    ),
    Taken(
        "german_date.csv",
        with_row(2, b"2,3,1,13,497,07.11.2017 09:30,,0\n"),
        19,
        ((2, "invalid_datetime", f"click_time as {TIME}", "2,3,1,13,497,07.11.2017 09:30,,0"),),
    ),
    Taken(
        "no_time.csv",
        with_row(2, b"2,3,1,13,497,,,0\n"),
        19,
        ((2, "invalid_datetime", f"click_time as {TIME}", "2,3,1,13,497,,,0"),),
    ),
    Taken(
        "optional_time.csv",
        with_row(2, b"2,3,1,13,497,2017-11-07 09:30:38,soon,0\n"),
        20,
    ),
    Taken(
        "no_value.csv",
        with_row(2, b"2,,1,13,497,2017-11-07 09:30:38,,0\n"),
        19,
        ((2, "missing_value", "a value in app", "2,,1,13,497,2017-11-07 09:30:38,,0"),),
    ),
    Taken("milliseconds.csv", with_row(2, b"2,3,1,13,497,2017-11-07 09:30:38.123,,0\n"), 20),
    Taken(
        "mixed.csv",
        HEADER
        + b"".join(
            [
                b"1,x\n",
                *rows(40, 2),
                b"\n42,\xff,1,1,1,2017-11-07 09:30:38,,0\n",
                b'43,"a\nb",1,1,1,2017-13-07 09:30:38,,0\n',
                *rows(20, 44),
                b"64,y\n",
            ]
        ),
        60,
        (
            (1, FIELDS, "8 fields, not 2", "1,x"),
            (42, "invalid_utf8", "UTF-8 text", "42,\ufffd,1,1,1,2017-11-07 09:30:38,,0"),
            (
                43,
                "invalid_datetime",
                f"click_time as {TIME}",
                '43,"a\nb",1,1,1,2017-13-07 09:30:38,,0',
            ),
            (64, FIELDS, "8 fields, not 2", "64,y"),
        ),
        said="4 of 64 rows rejected; the first is row 1: wrong_number_of_fields,"
        " expected 8 fields, not 2",
    ),
    Taken("table.parquet", lambda folder: parquet(folder), 2),
]
