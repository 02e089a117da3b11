"""The command line from outside: speed of help, exit codes, and messages that name the remedy."""

import json
import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from clickward.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"sklearn", "xgboost", "skops", "chdb", "polars", "pyarrow", "numpy", "dbt.cli", "pandas"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a profile of its own, so that its store and home are its own."""
    (tmp_path / "profiles").mkdir()
    text = (ROOT / "profiles" / "profiles.yml").read_text()
    (tmp_path / "profiles" / "profiles.yml").write_text(text)
    return tmp_path


def clickward(
    place: Path, *words: str, text: str | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("CLICKWARD_")
    }
    environment |= {
        "DBT_PROFILES_DIR": str(place / "profiles"),
        "DBT_PROJECT_DIR": str(ROOT / "dbt_project"),
    }
    return subprocess.run(
        [sys.executable, "-m", "clickward.cli.main", *words],
        cwd=place, env=environment | variables, text=True, input=text,
        capture_output=True, check=False,
    )  # fmt: skip


def test_help_imports_nothing_heavy(place: Path) -> None:
    script = "import sys, cli.main, json;print(json.dumps([name for name in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, text=True, capture_output=True, check=True
    )
    assert not HEAVY & set(json.loads(done.stdout))


def test_every_command_has_help_with_an_example() -> None:
    runner = CliRunner()
    listing = runner.invoke(app, ["--help"])
    assert listing.exit_code == 0
    commands = [
        line.split()[0] for line in listing.stdout.split("Commands:")[1].splitlines() if line
    ]
    assert len(commands) >= 13
    for command in commands:
        shown = runner.invoke(app, [command, "--help"]).stdout
        if "Commands:" in shown:
            continue
        assert f"clickward {command}" in shown.split("Usage:")[1].split("\n", 1)[1], command


def test_an_unknown_target_is_named(place: Path) -> None:
    done = clickward(place, "sql", "select 1", "--target", "moon")
    assert done.returncode == 2
    assert "unknown target 'moon'" in done.stderr
    assert "hint: targets are cluster, local, server" in done.stderr
    assert done.stdout == ""


def test_an_unreachable_server_is_named(place: Path) -> None:
    done = clickward(
        place,
        "sql",
        "select 1",
        "--target",
        "server",
        CLICKWARD_HOST="127.0.0.1",
        CLICKWARD_PORT="9",
    )
    assert done.returncode == 3
    assert "error: no ClickHouse server answers at 127.0.0.1:9 (target 'server')" in done.stderr
    assert "CLICKWARD_HOST" in done.stderr


def test_the_version_is_the_package_s() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"{version('clickward')}\n"


def test_the_demo_is_for_the_embedded_engine(place: Path) -> None:
    done = clickward(place, "demo", "--target", "server")
    assert done.returncode == 2
    assert "error: the demo runs in the embedded engine only" in done.stderr
    assert not (place / ".clickward").exists()


def test_an_unknown_command_is_a_usage_error(place: Path) -> None:
    assert clickward(place, "sqll").returncode == 2


def test_a_missing_project_is_named(place: Path) -> None:
    done = clickward(place, "build", "--project-dir", "nowhere")
    assert done.returncode == 2
    assert "no dbt_project.yml in nowhere" in done.stderr


def test_a_profile_without_its_variable_says_which(place: Path) -> None:
    profile = place / "profiles" / "profiles.yml"
    content = yaml.safe_load(profile.read_text())
    content["clickward"]["outputs"]["local"]["schema"] = "{{ env_var('NOT_SET_ANYWHERE') }}"
    profile.write_text(yaml.safe_dump(content))
    done = clickward(place, "sql", "select 1")
    assert done.returncode == 2
    assert "NOT_SET_ANYWHERE" in done.stderr


def test_sql_prints_data_on_stdout_only(place: Path) -> None:
    done = clickward(place, "sql", "select number from numbers(3)", "--format", "CSV")
    assert (done.returncode, done.stdout) == (0, "0\n1\n2\n")
    piped = clickward(place, "sql", "-", text="select 1 as one;")
    assert piped.stdout == "one\n1\n"


def test_sql_reads_unless_it_may_write(place: Path) -> None:
    create = "create table default.t engine MergeTree order by n as select 1 as n"
    done = clickward(place, "sql", create)
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: the statement does more than read, and was not run\nhint: --write" in done.stderr
    assert clickward(place, "sql", "--write", create).returncode == 0
    done = clickward(place, "sql", "select 1; drop table default.t", "--write")
    assert (done.returncode, done.stdout) == (1, "")
    assert "these are 2 statements, and none was run" in done.stderr
    assert clickward(place, "sql", "select n from default.t", "-f", "CSV").stdout == "1\n"


def test_a_bad_query_shows_the_engines_own_words(place: Path) -> None:
    done = clickward(place, "sql", "select nonsense from nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("error: the engine refused:")
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in clickward(place, "sql", "select nonsense from nowhere", "--debug").stderr


def test_a_store_held_by_another_process_names_it(place: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path;"
        "from clickward.warehouse.store import open_store;"
        f"c = open_store(Path({str(place / '.clickward' / 'store')!r}), {{}});"
        "c.command('select 1'); print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, text=True, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        done = clickward(place, "sql", "select 1")
        assert done.returncode == 3
        assert f"is held by process {holder.pid} (" in done.stderr
        assert len(done.stderr.split("error:")[1].splitlines()) == 2  # one line and its hint
    finally:
        holder.kill()
        holder.wait()
    assert clickward(place, "sql", "select 1 as one").stdout == "one\n1\n"


def test_doctor_says_what_to_do(place: Path) -> None:
    done = clickward(place, "doctor", "--json")
    findings = {finding["check"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 0
    assert set(findings) == {
        "python", "packages", "project", "profile", "store", "engine", "hash key", "disk", "memory",
    }  # fmt: skip
    assert findings["project"]["seen"].endswith(", a checkout")
    assert findings["hash key"]["state"] == "warning"
    assert "CLICKWARD_HASH_KEY" in findings["hash key"]["advice"]
    away = clickward(
        place, "doctor", "--target", "server", CLICKWARD_HOST="127.0.0.1", CLICKWARD_PORT="9"
    )
    assert away.returncode == 1
    assert "hint: engine: check CLICKWARD_HOST" in away.stdout + away.stderr


def test_the_store_is_beside_the_profile_whatever_the_working_directory(place: Path) -> None:
    elsewhere = place / "deep" / "down"
    elsewhere.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-m", "clickward.cli.main", "sql", "select 1",
         "--profiles-dir", "../../profiles", "--project-dir", str(ROOT / "dbt_project")],
        cwd=elsewhere, text=True, capture_output=True, check=True,
        env={k: v for k, v in os.environ.items() if not k.startswith(("CLICKWARD_", "DBT_"))},
    )  # fmt: skip
    assert done.returncode == 0
    assert any((place / ".clickward" / "store").iterdir())
    assert not (elsewhere / ".clickward").exists()


@pytest.mark.parametrize("attempts", [3])
def test_help_is_fast_enough_to_be_read(place: Path, attempts: int) -> None:
    """A guard against a heavy import, not a measurement: the best of a few starts, generously."""
    seconds = []
    for _ in range(attempts):
        began = time.monotonic()
        clickward(place, "--help")
        seconds.append(time.monotonic() - began)
    assert min(seconds) < 1.5
