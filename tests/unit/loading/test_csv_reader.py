"""CSV records are found and numbered as Python's own reader finds them, wherever blocks end."""

import csv
import gzip
import io
import random
import time
from pathlib import Path

import pytest

from clickward.warehouse.errors import UserError
from clickward.warehouse.loading import csv_stream
from clickward.warehouse.loading.csv_reader import CsvReader
from clickward.warehouse.sources import Column, Report, Table

NAMES = ("a", "b", "c")
PIECES = ['x', ' ', ',', '"', '\n', '\r\n', 'é', '漢', '', '5" ', 'end']  # fmt: skip


@pytest.fixture
def report() -> Report:
    columns = tuple(Column(name, "String") for name in NAMES)
    table = Table("raw", "some__rows", columns, ("a",), "", 0)
    return Report("some", "rows", table, needs_timezone=False, aliases=())


def read(path: Path, report: Report) -> tuple[list[tuple[str, ...]], list[int], list[int]]:
    """Good rows, their numbers, and the numbers of refused records."""
    reader = CsvReader(path, None, report)
    rows: list[tuple[str, ...]] = []
    numbers: list[int] = []
    refused: list[int] = []
    for batch in reader.batches():
        rows += [tuple(row.values()) for row in batch.rows.to_pylist()]
        numbers += batch.numbers.tolist()
        refused += [line.row for line in batch.rejected]
    # What was parsed, and what was counted beside the parser.
    assert reader.rows_read == reader.records() == len(numbers) + len(refused)
    return rows, numbers, refused


def quoted(value: str, rng: random.Random) -> str:
    if any(c in value for c in ',"\r\n') or rng.random() < 0.2:
        return '"' + value.replace('"', '""') + '"'
    return value


@pytest.mark.parametrize("seed", range(60))
def test_any_block_size_gives_the_records_of_pythons_reader(
    seed: int, report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    end = rng.choice(["\n", "\r\n"])
    records = [
        [
            "".join(rng.choices(PIECES, k=rng.randrange(4)))
            for _ in range(3 if rng.random() < 0.85 else rng.choice([1, 2, 4]))
        ]
        for _ in range(60)
    ]
    # A record of one empty field is a blank line, which is none.
    records = [record for record in records if record != [""]]
    text = end.join(",".join(quoted(v, rng) for v in record) for record in [list(NAMES), *records])
    text += rng.choice(["", end, end + end])
    path = tmp_path / "rows.csv"
    path.write_bytes(text.encode())
    monkeypatch.setattr(csv_stream, "CHUNK", rng.choice([1, 2, 3, 7, 16, 64, 1000]))

    found = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    assert found[1:] == records
    rows, numbers, refused = read(path, report)
    assert rows == [tuple(record) for record in records if len(record) == 3]
    assert numbers == [n for n, record in enumerate(records, 1) if len(record) == 3]
    assert refused == [n for n, record in enumerate(records, 1) if len(record) != 3]


@pytest.mark.parametrize("size", [1, 2, 5, 8, 1000])
def test_bytes_that_are_not_utf8_are_found_wherever_blocks_end(
    size: int, report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,b,c\n1,\xe6\xbc\xa2,x\n2,\xe6\xbc,x\n3,y,\xff\n4,\xc3\xa9,z\n5,w,\xe6")
    monkeypatch.setattr(csv_stream, "CHUNK", size)
    rows, numbers, refused = read(path, report)
    assert rows == [("1", "漢", "x"), ("4", "é", "z")]
    assert numbers == [1, 4]
    assert refused == [2, 3, 5]


@pytest.mark.parametrize("size", [1, 3, 10, 1000])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('a,b,c\n1,2,3\n4,5,"6\n7,8,9\n', "line 3: a quote is opened and never closed"),
        ('a,b,c\n1,2,3\n4,5,"', "line 3: a quote is opened and never closed"),
        ('a,b,c\n4,"5"6,7\n', "line 2: a quoted field has text after its closing quote"),
        ('a,b,c\n4,5,"6\n7,8,"9"\n', "line 2: a quoted field has text after its closing quote"),
        ('a,b,c\n1,2" x,3\n4,"5\n7,8" ,9\n', "line 3: a quoted field has text after its closing"),
    ],
)
def test_broken_quotes_are_an_error(
    size: int,
    text: str,
    message: str,
    report: Report,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    monkeypatch.setattr(csv_stream, "CHUNK", size)
    with pytest.raises(UserError, match=message):
        read(path, report)


def test_quote_inside_an_unquoted_field_is_text(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('a,b,c\n1,5" screen,"quoted ""5"""\n2,a"b"c,"d\ne"\n')
    rows, _, _ = read(path, report)
    assert rows == [("1", '5" screen', 'quoted "5"'), ("2", 'a"b"c', "d\ne")]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'1,2,"' + b"x" * 300, "line 2: a quote is opened and not closed within 0 MiB"),
        (b"1,2," + b"x" * 300, "found a record of more than 0 MiB before line 3"),
    ],
)
def test_endless_record_is_an_error(
    body: bytes, message: str, report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,b,c\n" + body)
    monkeypatch.setattr(csv_stream, "CHUNK", 16)
    monkeypatch.setattr(csv_stream, "LONGEST_RECORD", 100)
    with pytest.raises(UserError, match=message):
        read(path, report)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('a,b,c,5" screen', '5" screen'),
        ('a,b,c,"5"" screen"', '5" screen'),
        ('a,b,c,screen 5"', 'screen 5"'),
        ('a,b,c,"x,\n"""', 'x,\n"'),
        ('a,b,c,""', ""),
    ],
)
def test_quotes_in_the_header_are_those_of_the_rows(
    header: str, name: str, end: str, size: int, report: Report, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    lines = [header, *(f'{n},2,3,5"' if n % 3 else f'{n},2,3,"x{end}"' for n in range(9))]
    path = tmp_path / "rows.csv"
    path.write_bytes(end.join(lines).encode())
    monkeypatch.setattr(csv_stream, "CHUNK", size)
    reader = CsvReader(path, None, report)
    assert reader.matched.ignored == [name or "(unnamed)"]
    rows, numbers, refused = read(path, report)
    assert [row[0] for row in rows] == [str(n) for n in range(9)]
    assert (numbers, refused) == (list(range(1, 10)), [])


def test_irregular_quotes_are_followed_in_time_of_their_number(
    report: Report, tmp_path: Path
) -> None:
    """A stray quote among many quoted fields had the lines before each of them counted."""
    path = tmp_path / "rows.csv"
    path.write_text('a,b,c\n5" x,2,3\n' + '"1","2","3"\n' * 300_000)
    start = time.process_time()
    rows, _, _ = read(path, report)
    assert len(rows) == 300_001
    assert time.process_time() - start < 20


def test_old_macintosh_line_ends(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,b,c\r1,2,3\r4,5\r7,8,9")
    assert read(path, report) == ([("1", "2", "3"), ("7", "8", "9")], [1, 3], [2])


def test_gzip_cut_at_any_place_is_an_error(report: Report, tmp_path: Path) -> None:
    packed = gzip.compress(b"a,b,c\n" + b"".join(b"%d,%d,3\n" % (n, n * n) for n in range(500)))
    for length in range(20, len(packed), 97):
        path = tmp_path / "rows.csv.gz"
        path.write_bytes(packed[:length])
        with pytest.raises(UserError, match="the gzip data ends too early"):
            list(CsvReader(path, "gzip", report).batches())
