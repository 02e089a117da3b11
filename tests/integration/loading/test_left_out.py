"""What a folder holds besides what is loaded, and what a file's header holds besides, is said."""

import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from loading_helpers import Run
from pyarrow import parquet

from clickward.warehouse.connection import Warehouse

GOOD = "install_time,appsflyer_id,app_id\n2026-01-05 10:00:00,{},com.game\n"
ENDINGS = ".csv, .csv.gz, .csv.zst, .gz, .zst, .parquet"


def frame(number: int) -> pl.DataFrame:
    return pl.DataFrame(
        {"install_time": ["2026-01-05 10:00:00"], "appsflyer_id": [str(number)], "app_id": ["a"]}
    )


def ids(warehouse: Warehouse) -> list[str]:
    table = warehouse.table("raw", "appsflyer__installs")
    found = warehouse.query(f"select appsflyer_id from {table} order by appsflyer_id")
    return [row[0] for row in found.rows()]


def test_names_that_are_not_searched_for_are_said(run: Run, warehouse: Warehouse) -> None:
    deep = Path("installs/deep")
    deep.mkdir(parents=True)
    (deep / "1.csv").write_text(GOOD.format(1))
    (deep / "part-3.csv.bz2").write_bytes(b"BZh9")
    Path("installs/part-9").write_text(GOOD.format(9))
    for silent in ("_SUCCESS", ".part-1.crc", "1.csv.crc", "1.csv.md5", "Thumbs.db"):
        (deep / silent).write_text("x")
    code, _, err = run("load", "appsflyer", "installs", "--timezone", "UTC")
    assert (code, err) == (
        0,
        f"installs: 2 files left out, their names end in none of {ENDINGS}:"
        " deep/part-3.csv.bz2, part-9\n",
    )
    assert ids(warehouse) == ["1"]
    words = ("--report", "installs", "--timezone", "UTC")
    assert run("load", "appsflyer", "installs/part-9", *words)[0] == 0
    assert ids(warehouse) == ["1", "9"]


def test_many_names_are_cut_short_and_none_left_is_an_error(run: Run) -> None:
    Path("x").mkdir()
    for number in range(12):
        Path(f"x/{number:02}.txt").write_text("x")
    code, out, err = run("load", "appsflyer", "x", "--json")
    assert code == 1
    assert err == (
        f"x: 12 files left out, their names end in none of {ENDINGS}:"
        f" {', '.join(f'{number:02}.txt' for number in range(8))}, …\n"
        "error: x: the folder has no file to load\n"
        f"hint: files end in {ENDINGS}\n"
    )
    assert [row["status"] for row in json.loads(out)] == ["failed"]


def test_bare_part_of_a_data_locker_is_told_by_its_content(run: Run, warehouse: Warehouse) -> None:
    hour = Path("lake/t=installs/dt=2026-01-05/h=10")
    hour.mkdir(parents=True)
    (hour / "part-00000").write_text(GOOD.format(1))
    frame(2).write_parquet(hour / "part-00001-aaaa-c000")
    (hour / "README").write_text("nothing")
    code, _, err = run("load", "appsflyer", "lake")
    assert code == 0
    assert err == (
        f"lake: 1 file left out, its name ends in none of {ENDINGS}:"
        " t=installs/dt=2026-01-05/h=10/README\n"
    )
    assert ids(warehouse) == ["1", "2"]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('Site "ID', "af_siteid"),
        ('Site ID"', "af_siteid"),
        ("'Site ID'", "af_siteid"),
        ('"""Site ID"""', "af_siteid"),
        ('Original URL"', "original_url"),
        ('App "Name"', "app_name"),
    ],
)
def test_quotes_are_no_part_of_a_name(
    header: str, name: str, run: Run, warehouse: Warehouse
) -> None:
    first, second, _ = GOOD.split("\n")
    Path("installs.csv").write_text(f"{first},{header}\n{second.format(1)},value\n")
    code, out, _ = run("load", "appsflyer", "installs.csv", "--timezone", "UTC", "--json")
    [row] = json.loads(out)
    assert (code, row["note"]) == (0, "")
    table = warehouse.table("raw", "appsflyer__installs")
    assert warehouse.scalar(f"select {name} from {table}") == "value"


def test_quotes_that_make_two_columns_one_are_an_error(run: Run) -> None:
    Path("installs.csv").write_text(
        'install_time,appsflyer_id,app_id,Site ID,Site "ID\n2026-01-05 10:00:00,1,a,x,y\n'
    )
    code, _, err = run("load", "appsflyer", "installs.csv", "--timezone", "UTC")
    assert code == 1
    assert "the header has the column af_siteid more than once" in err


def test_ignored_columns_of_many_files_are_said(run: Run) -> None:
    Path("installs").mkdir()
    for number in range(24):
        extra = ("", "weather,moon", "moon,weather", "tide")[number % 4]
        header, row, _ = GOOD.split("\n")
        values = "," * (extra.count(",") + 1) if extra else ""
        text = f"{header},{extra}".rstrip(",") + f"\n{row.format(number)}{values}\n"
        Path(f"installs/{number}.csv").write_text(text)
    code, out, err = run("load", "appsflyer", "installs", "--timezone", "UTC")
    assert code == 0
    assert out.splitlines()[2].split() == ["installs", "loaded", "24", "24", "24", "0"]
    assert err.splitlines() == [
        "12 files: ignored columns: moon, weather",
        "6 files: ignored columns: tide",
    ]


def test_names_move_no_terminal(run: Run) -> None:
    bad, good = "a\x1b[2Jb\ninstalls.csv", "\x1bok\ninstalls.csv"
    Path(bad).write_text("")
    Path(good).write_text(GOOD.format(1))
    code, out, err = run("load", "appsflyer", bad, good, "--timezone", "UTC")
    assert code == 1
    assert "\x1b" not in out + err
    assert [line.split()[0] for line in out.splitlines()[2:]] == [
        "a\\x1b[2Jb\\ninstalls.csv",
        "\\x1bok\\ninstalls.csv",
    ]
    assert err.startswith("error: a\\x1b[2Jb\\ninstalls.csv: the file is empty\n")
    _, out, _ = run("load", "appsflyer", good, "--timezone", "UTC", "--json")
    assert json.loads(out)[0]["file"] == good
    out = run("loads")[1]
    assert "\x1b" not in out
    assert "\\x1bok\\ninstalls.csv" in out


def test_map_with_a_key_twice_is_told(run: Run) -> None:
    columns = pa.table(
        {
            "install_time": ["2026-01-05 10:00:00"],
            "appsflyer_id": ["1"],
            "app_id": ["a"],
            "event_value": pa.array([[("a", 1), ("a", 2)]], pa.map_(pa.string(), pa.int64())),
        }
    )
    parquet.write_table(columns, "installs.parquet")
    code, _, err = run("load", "appsflyer", "installs.parquet")
    assert code == 1
    assert err == (
        "error: installs.parquet: the column event_value has a map with a key more than once,"
        " after row 0; expected every key once\n"
        "hint: write it as a list of keys and values, or as JSON text\n"
    )
