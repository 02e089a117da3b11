"""The key of hashes on its way to a server: in no log of either side."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from doors import DBT, ROOT, Place, of_server, serving

from clickward.warehouse.hash_key import halves

pytestmark = pytest.mark.full

KEY = "a key with 'quotes' and sealed-word"
# The door's engine, logging queries as a ClickHouse server does.
LOGGING = """
import clickward.server.serve as serve
serve.ENGINEER_CONFIG = '''<clickhouse>
  <query_log><database>system</database><table>query_log</table></query_log>
</clickhouse>'''
from clickward.cli.main import main
main()
"""


@dataclass(frozen=True)
class Logging(Place):
    """A project whose door's engine logs every query."""

    def start(self, *words: str | Path, target: str = "local", **more: str) -> Any:
        return subprocess.Popen(
            [sys.executable, "-c", LOGGING, *map(str, words), *self.options(target)],
            cwd=ROOT, env=self.environment(**more), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip


def test_a_server_logs_no_key(tmp_path: Path) -> None:
    place = Logging(tmp_path)
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    shutil.copytree(
        ROOT / "dbt_project", tmp_path / "dbt_project",
        ignore=shutil.ignore_patterns("target", "logs"),
    )  # fmt: skip
    place.add_users()
    logs = tmp_path / "logs"
    with serving(place, "engineer") as door:
        environment = place.environment(
            **of_server(door), CLICKWARD_HASH_KEY=KEY, DBT_LOG_PATH=str(logs),
            DBT_TARGET_PATH=str(tmp_path / "target"),
        )  # fmt: skip

        def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
            words = [*map(str, command), "--select", "stg_appsflyer__installs"]
            return subprocess.run(
                [*words, *place.options("server")],
                cwd=ROOT, env=environment, text=True, capture_output=True, check=False,
            )  # fmt: skip

        plain = run(DBT, "run")
        assert plain.returncode != 0
        assert "run `clickward build --target server` once" in " ".join(plain.stdout.split())
        assert door.value("select count() from clickward_raw.hash_key") == "0"
        ours = run(sys.executable, "-m", "clickward.cli.main", "build")
        assert ours.returncode == 0, ours.stderr
        kept = door.value("select key_0, key_1 from clickward_raw.hash_key").split("\t")
        assert tuple(map(int, kept)) == halves(KEY.encode())
        again = run(DBT, "run")
        assert again.returncode == 0, again.stdout
        door.value("system flush logs")
        logged = door.ask("select * from system.query_log format JSONEachRow").data
    assert b"hash_key" in logged
    assert "hash_key" in (logs / "dbt.log").read_text()
    texts = {
        str(path): path.read_bytes()
        for folder in (logs, tmp_path / "target")
        for path in folder.rglob("*")
        if path.is_file()
    }
    told = [done.stdout + done.stderr for done in (plain, ours, again)]
    texts |= {"query_log": logged} | {f"said {n}": text.encode() for n, text in enumerate(told)}
    secrets = [b"sealed-word", *(str(half).encode() for half in halves(KEY.encode()))]
    assert [name for name, text in texts.items() for word in secrets if word in text] == []
