"""Bad surroundings and bad values: one clear line, the documented exit code, nothing lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_cli import ROOT, clickward

from clickward.warehouse.errors import UsageError
from clickward.warehouse.profile import Project, find_project, in_bytes, read_target

LONG = "a" * 300
HOSTILE = "x; drop database precious; select 1"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a profile of its own, so that its store and home are its own."""
    (tmp_path / "profiles").mkdir()
    text = (ROOT / "profiles" / "profiles.yml").read_text()
    (tmp_path / "profiles" / "profiles.yml").write_text(text)
    return tmp_path


@pytest.fixture
def checkout(monkeypatch: pytest.MonkeyPatch) -> Project:
    for name in [name for name in os.environ if name.startswith("CLICKWARD_")]:
        monkeypatch.delenv(name)
    return find_project()


@pytest.mark.parametrize("schema", ["my-schema", "", "9lives", HOSTILE, "a b", "x`y", "é", LONG])
def test_a_schema_is_a_plain_name(
    checkout: Project, monkeypatch: pytest.MonkeyPatch, schema: str
) -> None:
    monkeypatch.setenv("CLICKWARD_SCHEMA", schema)
    for target in ("local", "server", "cluster"):
        with pytest.raises(UsageError, match="is no plain name"):
            read_target(Project(checkout.project_dir, checkout.profiles_dir, target))


@pytest.mark.parametrize(
    ("given", "taken"),
    [("4GB", "4G"), ("4gb", "4G"), ("4 GiB", "4Gi"), ("512MB", "512M"), ("3000000000", 3 * 10**9)],
)
def test_memory_takes_units(
    checkout: Project, monkeypatch: pytest.MonkeyPatch, given: str, taken: str | int
) -> None:
    monkeypatch.setenv("CLICKWARD_MAX_MEMORY", given)
    for target in ("local", "server"):
        named = Project(checkout.project_dir, checkout.profiles_dir, target)
        assert read_target(named).settings["max_memory_usage"] == taken


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        *(("CLICKWARD_MAX_MEMORY", size, "is no size") for size in ("", "4.5GB", "-1", "much")),
        *(("CLICKWARD_PORT", port, "is no port") for port in ("0", "-1", "65536")),
        ("CLICKWARD_PORT", "http", "'http' is not a number"),
        *(("CLICKWARD_HOST", host, "is no host") for host in ("", "http://a", "a b", "a/b")),
        *(("CLICKWARD_SECURE", word, "neither true nor false") for word in ("", "yes", "1")),
        *(("CLICKWARD_CLUSTER", word, "no name of a cluster") for word in ("", "a` b", "a'b")),
    ],
)
def test_what_is_no_value_is_named(
    checkout: Project, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=message):
        read_target(Project(checkout.project_dir, checkout.profiles_dir, "cluster"))


def test_commands_end_with_a_line_and_their_code(place: Path) -> None:
    """In processes of their own, since the engine reads some of it as it starts."""
    for code, message, variables in (
        (2, "TZ=UTC+3 is no time zone that the engine knows", {"TZ": "UTC+3"}),
        (2, "TZ=../../etc/passwd is no time zone", {"TZ": "../../etc/passwd"}),
        (2, "that the engine does not take", {"CLICKWARD_STORE": "a?path=b"}),
        (2, "cannot render", {"CLICKWARD_STORE": "{{ 1 }}"}),
        (2, "that the engine does not take", {"CLICKWARD_STORE": "a\udcff"}),
        (2, "the schema 'my-schema' is no plain name", {"CLICKWARD_SCHEMA": "my-schema"}),
        (2, "the store has no folder", {"CLICKWARD_STORE": ""}),
        (3, "cannot create the store /proc/nowhere", {"CLICKWARD_STORE": "/proc/nowhere"}),
        (3, "File exists", {"CLICKWARD_STORE": str(place / "profiles" / "profiles.yml")}),
        (2, "is no size", {"CLICKWARD_MAX_MEMORY": "plenty"}),
    ):
        done = clickward(place, "loads", **variables)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert done.stderr.startswith("error: ")
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    size = "select value from system.settings where name = 'max_memory_usage'"
    done = clickward(place, "sql", size, "--format", "CSV", CLICKWARD_MAX_MEMORY="4GiB")
    assert done.stdout == '"4294967296"\n'


@pytest.mark.after_check
def test_plain_dbt_refuses_the_same(place: Path) -> None:
    assert clickward(place, "sql", "--write", "create database precious").returncode == 0
    environment = os.environ | {"DBT_TARGET_PATH": str(place / "target")}
    environment["CLICKWARD_STORE"] = str(place / ".clickward" / "store")
    for words, variables, message in (
        ("run --select clicks", {"CLICKWARD_SCHEMA": HOSTILE}, "is no plain name"),
        ("debug", {"CLICKWARD_SCHEMA": HOSTILE}, "is no plain name"),
        ("ls", {"CLICKWARD_SCHEMA": HOSTILE, "CLICKWARD_TARGET": "server"}, "is no plain name"),
        ("run --select clicks", {"CLICKWARD_HASH_KEY": " "}, "CLICKWARD_HASH_KEY is empty"),
        # dbt ended with 0 where the store could not be opened.
        ("run --select clicks", {"CLICKWARD_STORE": "/proc/nowhere"}, "cannot create the store"),
        ("run --select clicks", {"TZ": "UTC+3"}, "TZ=UTC+3 is no time zone"),
    ):
        done = subprocess.run(
            [
                *(sys.executable, "-c", "from dbt.cli.main import cli; cli()", *words.split()),
                *("--project-dir", ROOT / "dbt_project", "--profiles-dir", place / "profiles"),
            ],
            cwd=place, env=environment | variables, text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode in (1, 2), f"{words} {variables}: {done.stdout}"
        assert message in done.stdout
    listed = clickward(place, "sql", "select name from system.databases", "--format", "CSV")
    assert '"precious"' in listed.stdout, listed.stderr
    assert '"x' not in listed.stdout


def test_output_on_a_full_disk_is_an_error(place: Path) -> None:
    for words in (["sql", "select 1"], ["loads", "--json"], ["--help"], ["simulate", "--list"]):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "clickward.cli.main", *words],
                cwd=place, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
                env=os.environ | {
                    "CLICKWARD_STORE": str(place / "store"),
                    "DBT_PROFILES_DIR": str(place / "profiles"),
                    "DBT_PROJECT_DIR": str(ROOT / "dbt_project"),
                },
            )  # fmt: skip
        assert done.returncode == 1, words
        assert "error: cannot read or write the output: No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("simulate --days 1 --out LONG", 1, "File name too long"),
        ("init LONG", 1, "File name too long"),
        ("load appsflyer LONG", 1, "File name too long"),
        ("claims export --network a --month 9999-12 --out c.csv", 2, "no install can be of 9999"),
        ("claims export --network a --month 2026-13 --out c.csv", 2, "is not a month"),
        ("claims settle a --installs 1 --amount nan", 2, "nan is no number to reckon with"),
        ("snapshot fs_click --out a.parquet --from 0001-01-01", 2, "no time that tables can hold"),
        ("train fs_click --model prior --seed -1", 2, "Invalid value for '--seed'"),
        ("thresholds choose a --by money --payout inf", 2, "inf is no number to reckon with"),
        ("load appsflyer . --max-rejected nan", 2, "Invalid value for '--max-rejected'"),
        ("load appsflyer . --max-rejected -1", 2, "Invalid value for '--max-rejected'"),
        ("sql --format TSV;truncate select", 2, "is no name of a format"),
        ("sql select'\udcff'", 2, "the query is not UTF-8"),
        ("simulate --days 99999999999 --out w", 2, "Invalid value for '--days'"),
        ("features check x --days -1", 2, "Invalid value for '--days'"),
        ("features check x --days 99999999999", 2, "Invalid value for '--days'"),
        ("serve --max-memory 4.5GB", 2, "is no size"),
        ("build --vars [", 2, "is not YAML: while parsing a flow node"),
    ],
)
def test_bad_values_are_named(place: Path, words: str, code: int, message: str) -> None:
    done = clickward(place, *words.replace("LONG", LONG).split())
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not [path for path in place.iterdir() if path.name not in ("profiles", ".clickward")]


@pytest.mark.parametrize(
    ("given", "size"),
    [("4GB", 4 * 10**9), ("4GiB", 1 << 32), ("4gib", 1 << 32), ("2 MB", 2 * 10**6), ("77", 77)],
)
def test_sizes_in_bytes(given: str, size: int) -> None:
    assert in_bytes(given) == size
