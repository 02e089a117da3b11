"""The key of hashes: in the store and nowhere else, and for its owner alone."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.errors import UserError
from clickward.warehouse.hash_key import halves, key_of

ROOT = Path(__file__).resolve().parents[2]
DBT = Path(sys.executable).with_name("dbt")
# Of every kind that SQL, a shell or a pattern might read otherwise.
KEY = "k3y '\\ of {marks:String} $sealed-word é"
# Logs everything, as a server may.
LOGGED = """<clickhouse>
  <query_log><database>system</database><table>query_log</table></query_log>
  <text_log><database>system</database><table>text_log</table><level>trace</level></text_log>
  <logger><level>trace</level><log>{log}</log></logger>
</clickhouse>
"""
# Of a store that clickward 0.1.0 made with the development key: the engine's own words.
DEVELOPMENT_KEY = (15208788435183001011, 15989211676743245651)


def spelt(key: bytes) -> list[bytes]:
    """What would give the key away, written in any way that a log may write it."""
    words = [key, b"sealed-word", *(half.to_bytes(8, "little") for half in halves(key))]
    for half in halves(key):
        words += [str(half).encode(), f"{half:x}".encode(), f"{half:X}".encode()]
    return words


def tellers(folder: Path, but: Path | None = None) -> list[str]:
    """Files that hold a secret, but for those below `but`."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and (but is None or but not in path.parents):
            content = path.read_bytes()
            found += [f"{path}: {word!r}" for word in spelt(KEY.encode()) if word in content]
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    shutil.copytree(
        ROOT / "dbt_project", tmp_path / "dbt_project",
        ignore=shutil.ignore_patterns("target", "logs"),
    )  # fmt: skip
    return tmp_path


def run(home: Path, *command: str | Path, key: str = KEY) -> subprocess.CompletedProcess[str]:
    where = ["--project-dir", home / "dbt_project", "--profiles-dir", home / "profiles"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DBT_")}
    environment |= {"CLICKWARD_STORE": str(home / "store"), "CLICKWARD_HASH_KEY": key}
    environment |= {"CLICKWARD_SCHEMA": "clickward", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*map(str, command), *map(str, where), "--target", "local"],
        cwd=ROOT, env=environment, text=True, capture_output=True, check=False,
    )  # fmt: skip


def clickward(home: Path, *words: str, key: str = KEY) -> subprocess.CompletedProcess[str]:
    return run(home, sys.executable, "-m", "clickward.cli.main", *words, key=key)


def test_no_log_tells_the_key_and_no_other_reads_the_store(home: Path) -> None:
    old = os.umask(0o022)
    try:
        plain = run(home, DBT, "run", "--select", "stg_appsflyer__installs")
    finally:
        os.umask(old)
    assert plain.returncode == 0, plain.stdout[-2000:]
    log = home / "dbt_project" / "logs" / "dbt.log"
    assert "hash_key" in (home / "dbt_project" / "target" / "manifest.json").read_text()
    assert "stg_appsflyer__installs" in log.read_text()
    said = [plain.stdout + plain.stderr]
    where = clickward(
        home, "sql",
        "select data_paths[1] from system.tables where database = 'clickward_raw'"
        " and name = 'hash_key'", "--format", "TabSeparatedRaw",
    )  # fmt: skip
    assert where.returncode == 0, where.stderr
    # The hash of an expression that fails: the engine's error names all it was made of.
    failed = clickward(
        home, "sql",
        f"select throwIf(sipHash64Keyed({key_of('clickward_raw.hash_key')}, toString(number)) > 0)"
        " from numbers(3)",
    )  # fmt: skip
    assert "while executing 'FUNCTION throwIf(greater(sipHash64Keyed(" in failed.stderr
    kept = clickward(
        home, "sql", "select * from clickward_raw.hash_key", "--format", "TabSeparatedRaw"
    )
    assert tuple(map(int, kept.stdout.split())) == halves(KEY.encode())
    refused = clickward(home, "build", "--select", "stg_appsflyer__installs", key="another")
    assert refused.returncode == 1
    assert "CLICKWARD_HASH_KEY is not the key this store was made with" in refused.stderr
    said += [failed.stderr, failed.stdout, refused.stderr, refused.stdout]
    again = clickward(home, "build", "--select", "stg_appsflyer__installs")
    assert again.returncode == 0, again.stderr
    said.append(again.stderr + again.stdout)
    for text in said:
        assert not [word for word in spelt(KEY.encode()) if word in text.encode()], text
    assert tellers(home, Path(where.stdout.strip())) == []
    # Its own files do hold the halves: the search would have found them elsewhere.
    assert tellers(Path(where.stdout.strip())) != []
    made = [home / "store", log.parent, home / "dbt_project" / "target"]
    assert [str(path) for path in made if path.stat().st_mode & 0o077] == []
    open_to_others = [
        str(path)
        for path in made[0].rglob("*")
        if not path.is_symlink() and path.stat().st_mode & 0o077
    ]
    assert open_to_others == []


def test_old_stores_and_logs_are_closed_to_others(home: Path) -> None:
    left = [home / ".clickward" / "snapshots", home / "dbt_project" / "logs", home / "store"]
    for folder in left:
        folder.mkdir(parents=True)
        folder.chmod(0o755)
    old = home / "dbt_project" / "logs" / "dbt.log.1"
    for file in (old, home / "store" / "status"):
        file.write_text("PID: 0\n")
        file.chmod(0o644)
    assert clickward(home, "sql", "select 1").returncode == 0
    closed = [home / ".clickward", left[1], left[2], old]
    assert [str(path) for path in closed if path.stat().st_mode & 0o077] == []


SCRIPT = """
import json, os, sys
import clickhouse_connect
from clickward.warehouse.errors import UserError
from clickward.warehouse.errors import UserError
from clickward.warehouse.hash_key import keep_hash_key
client = clickhouse_connect.get_client(interface="chdb", path=sys.argv[1])
client.command("create table k (key_0 UInt64, key_1 UInt64) engine = MergeTree order by tuple()")
for _ in range(2):
    keep_hash_key(client, "k")
os.environ["CLICKWARD_HASH_KEY"] += "x"
try:
    keep_hash_key(client, "k")
except UserError as error:
    print(error, file=sys.stderr)
client.command("select 'it is logged'")
client.command("system flush logs")
log = [client.query(f"select * from system.{t}").result_rows for t in ("query_log", "text_log")]
print(json.dumps([client.query("select * from k").result_rows, str(log)]))
"""


def test_an_engine_that_logs_all_logs_no_key(tmp_path: Path) -> None:
    config, log = tmp_path / "config.xml", tmp_path / "engine.log"
    config.write_text(LOGGED.format(log=log))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, f"{tmp_path / 'store'}?config-file={config}"],
        env=os.environ | {"CLICKWARD_HASH_KEY": KEY}, text=True, capture_output=True, check=True,
    )  # fmt: skip
    rows, logged = json.loads(done.stdout)
    assert [tuple(row) for row in rows] == [halves(KEY.encode())]
    assert "is not the key this store was made with" in done.stderr
    assert "it is logged" in logged
    assert "it is logged" in log.read_text()
    texts = (logged.encode(), log.read_bytes(), done.stderr.encode())
    assert [word for word in spelt(KEY.encode()) for text in texts if word in text] == []


def test_a_key_is_what_the_engine_makes_of_it(warehouse: Warehouse) -> None:
    """So that a store whose key the engine computed goes on with it."""
    assert halves(b"clickward-development-key") == DEVELOPMENT_KEY
    dice = random.Random(5)
    texts = ["".join(dice.choices("ab 'é\\€\n日", k=size)) for size in range(70)] + [KEY]
    made = warehouse.client.query(
        "select sipHash64('0', text), sipHash64('1', text)"
        " from (select arrayJoin({texts:Array(String)}) as text)",
        parameters={"texts": texts},
    ).result_rows
    assert [tuple(row) for row in made] == [halves(text.encode()) for text in texts]


def test_a_hash_is_the_same_by_either_expression_and_none_without_a_key(
    warehouse: Warehouse,
) -> None:
    database = warehouse.target.database("raw")
    warehouse.command(f"create database {database}")
    table = f"{database}.hash_key"
    warehouse.command(f"create table {table} (key_0 UInt64, key_1 UInt64) engine = Log")
    hashes = "sipHash64Keyed({key}, text), hex(sipHash128Keyed({key}, 'a', text, 7))"
    texts = "(select arrayJoin(['', 'x', 'a longer text than one block']) as text)"
    query = f"select {hashes.format(key=key_of(table))} from {texts}"
    # Without a key there is no hash, rather than one of a key that everyone knows.
    with pytest.raises(UserError, match="Scalar subquery returned empty result"):
        warehouse.query(query)
    warehouse.command(f"insert into {table} values (12345678901234567890, 42)")
    by_hand = f"select {hashes.format(key='(toUInt64(12345678901234567890), toUInt64(42))')}"
    assert warehouse.query(query).rows() == warehouse.query(f"{by_hand} from {texts}").rows()
