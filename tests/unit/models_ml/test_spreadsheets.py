"""Files for spreadsheets: what would be run as a formula is text, in Python and on the page."""

import csv
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest

from clickward.analysis.decisions.claims import write_claim
from clickward.analysis.explorer.modules import STATIC
from clickward.analysis.spreadsheets import as_text, write_csv, write_xlsx
from clickward.warehouse.errors import UserError

FORMULAS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\rcmd", "\tplain", "\nplain", " =1", "\u00a0=1",
    "\u200b=1", "\ufeff@a", "\u3000+1", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20a", "\u22121",
    "'=1", '"=1"', " '=1", "\x00=1", '=HYPERLINK("http://evil.example","x")',
    "-2+cmd|' /C calc'!A0",
]  # fmt: skip
PLAIN = [
    "", "plain", "a=b", "1-2", "http://evil.example/x", "o'neil", "'quoted'", "a, b\r\nc", "{=1}",
    "mailto:a@b.example", "internal:Sheet1!A1", "0042", "Zürich", "#1",
]  # fmt: skip
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def original(written: str) -> str:
    """What a cell of a CSV file was before it was written: the way back that readers can take."""
    is_marked = written[:1] == "'" and as_text(written[1:]) == written
    return written[1:] if is_marked else written


def test_only_what_may_be_a_formula_is_marked() -> None:
    assert [as_text(value) for value in FORMULAS] == [f"'{value}" for value in FORMULAS]
    assert [as_text(value) for value in PLAIN] == PLAIN
    assert [as_text(value) for value in (-1.5, 0, None, True)] == [-1.5, 0, None, True]
    assert [original(as_text(value)) for value in FORMULAS + PLAIN] == FORMULAS + PLAIN


def cells() -> pl.DataFrame:
    texts = [*FORMULAS, *PLAIN, None]
    return pl.DataFrame({"text": texts, "number": [-1.5 * n for n in range(len(texts))]})


def test_csv_holds_text_as_text_and_negative_numbers_as_numbers(tmp_path: Path) -> None:
    write_csv(cells(), tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as lines:
        read = list(csv.DictReader(lines))
    assert [original(row["text"]) for row in read] == [*FORMULAS, *PLAIN, ""]
    signs = r"=+@\-\uff1d\uff0b\uff0d\uff20\u2212"
    risky = re.compile(rf"^[\s\x00\u200b\ufeff'\"]*[{signs}]|^[\t\r\n]")
    assert not [row["text"] for row in read if risky.match(row["text"]) and row["text"][0] != "'"]
    assert [float(row["number"]) for row in read] == cells()["number"].to_list()
    assert read[1]["number"] == "-1.5"


def sheet(path: Path) -> tuple[list[list[tuple[str, str | None]]], str]:
    """Rows of a workbook's sheet as (type, value) of each cell, and all its XML."""
    with zipfile.ZipFile(path) as book:
        xml = {name: book.read(name).decode() for name in book.namelist() if name.endswith("s")
               or name.endswith("xml")}  # fmt: skip
    shared = ElementTree.fromstring(xml["xl/sharedStrings.xml"])
    texts = ["".join(part.text or "" for part in one.iter(f"{MAIN}t")) for one in shared]
    rows = []
    for row in ElementTree.fromstring(xml["xl/worksheets/sheet1.xml"]).iter(f"{MAIN}row"):
        found = []
        for cell in row:
            assert cell.find(f"{MAIN}f") is None, "a formula"
            value = cell.findtext(f"{MAIN}v")
            kind = cell.get("t", "n")
            found.append((kind, texts[int(value)] if kind == "s" and value else value))
        rows.append(found)
    return rows, "".join(xml.values())


def test_excel_holds_text_as_it_is_and_nothing_that_lives(tmp_path: Path) -> None:
    shown = cells().filter(pl.col("text").is_null() | ~pl.col("text").str.contains(r"[\x00\r]"))
    write_xlsx(shown, tmp_path / "a.xlsx")
    rows, xml = sheet(tmp_path / "a.xlsx")
    assert "<hyperlink" not in xml
    assert "http://evil.example" not in xml.replace("<t>http://evil.example/x</t>", "").replace(
        "<t>=HYPERLINK(&quot;http://evil.example&quot;", ""
    ).replace('<t>=HYPERLINK("http://evil.example"', "")
    found = [row[0][1] if row[0][0] == "s" else None for row in rows[1:]]
    assert [one or "" for one in found] == [one or "" for one in shown["text"].to_list()]
    assert [row[1][0] for row in rows[1:]] == ["n"] * shown.height
    assert [float(row[1][1] or "nan") for row in rows[1:]] == shown["number"].to_list()
    with pytest.raises(UserError, match="texts of 32,767 characters, found 1 and 40,000"):
        write_xlsx(pl.DataFrame({"text": ["x" * 40_000]}), tmp_path / "b.xlsx")


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_claim_is_written_with_its_text_as_text(tmp_path: Path, ending: str) -> None:
    rows = pl.DataFrame(
        {"campaign": ["=cmd|' /C calc'!A0", "http://evil.example/x"], "payout": [-1.5, None],
         "reasons": [["=1", "b"], []], "installed_at": [None, None], "touched_at": [None, None]},
        schema_overrides={"reasons": pl.List(pl.String), "installed_at": pl.Datetime("ms", "UTC"),
                          "touched_at": pl.Datetime("ms", "UTC")},
    )  # fmt: skip
    path = tmp_path / f"claim.{ending}"
    write_claim(rows, path)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    if ending == "xlsx":
        found, xml = sheet(path)
        assert "<hyperlink" not in xml
        assert [found[1][place] for place in (0, 1, 2)] == [
            ("s", "=cmd|' /C calc'!A0"), ("n", "-1.5"), ("s", "=1; b"),
        ]  # fmt: skip
        return
    with path.open(newline="", encoding="utf-8") as lines:
        first, second = csv.DictReader(lines)
    assert (first["campaign"], first["payout"]) == ("'=cmd|' /C calc'!A0", "-1.5")
    assert first["reasons"] == "'=1; b"
    assert (second["campaign"], second["payout"]) == ("http://evil.example/x", "")


@pytest.mark.needs("node")
def test_the_page_writes_the_same(tmp_path: Path) -> None:
    """Its own function, run by Node: it agrees on every text, and numbers stay numbers."""
    for file in STATIC.glob("*.js"):
        shutil.copy(file, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    rows = [{"text": text, "number": -1.5, "list": ["=1"], "none": None}
            for text in [*FORMULAS, *PLAIN]]  # fmt: skip
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    (tmp_path / "run.js").write_text(
        'import { readFileSync, writeFileSync } from "node:fs";\n'
        'import { csv } from "./table.js";\n'
        'writeFileSync("out.csv", csv(JSON.parse(readFileSync("rows.json", "utf8"))));\n'
    )
    subprocess.run(["node", "run.js"], cwd=tmp_path, check=True)
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as lines:
        read = list(csv.DictReader(lines))
    assert [row["text"] for row in read] == [as_text(row["text"]) for row in rows]
    assert {row["number"] for row in read} == {"-1.5"}
    assert {row["list"] for row in read} == {'["=1"]'}
