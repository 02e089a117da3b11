"""The documentation is true: generated pages are fresh, and every command in it parses."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import typer.main
from harness import take_parsed

from clickward.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("clickward", "analysis", "cli", "models_ml", "server", "simulator", "warehouse")
PAGES = sorted(
    page for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md") for page in ROOT.glob(pattern)
)
GROUP: Any = typer.main.get_command(app)
BLOCK = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(clickward [^`]+)`")
LINE = re.compile(r"^\s*(?:\$ |\[\d/\d\] |\w+=\S+ )?(clickward .*)$")


def commands(text: str) -> Iterator[str]:
    """Every `clickward …` of a page, from blocks of code and from the running text."""
    for block in BLOCK.findall(text):
        lines = iter(block.splitlines())
        for line in lines:
            found = LINE.match(line)
            if not found:
                continue
            command = found.group(1)
            while command.endswith("\\") or command.count('"') % 2:
                command = command.removesuffix("\\") + "\n" + next(lines)
            yield command
    prose = BLOCK.sub("", text)
    yield from (found for found in INLINE.findall(prose))


def parse(command: str) -> None:
    """Resolve the words to a command and parse its options. Raises where they do not fit.

    Words in capitals, `…` and `[OPTIONS]` stand for something: such a line names a command only.
    """
    words = shlex.split(command, comments=True)[1:]
    words = list(takewhile(lambda word: word not in ("<", ">", "|", "&&"), words))
    if words and words[0].startswith("-"):
        return
    current: Any = GROUP
    while words and hasattr(current, "commands"):
        name = words.pop(0)
        current = current.commands.get(name)
        if current is None:
            raise LookupError(f"no command {name!r}")
    is_pattern = any(word in ("…", "[OPTIONS]") or word.isupper() for word in words)
    if words and not is_pattern:
        current.make_context(current.name, words)


def everything() -> list[Any]:
    return [
        pytest.param(command, id=f"{page.name}-{number}")
        for page in PAGES
        for number, command in enumerate(commands(page.read_text()), 1)
    ]


@pytest.mark.parametrize("command", everything())
def test_every_command_parses(command: str) -> None:
    parse(command)


def test_commands_are_found() -> None:
    assert len(everything()) > 60
    block = '```sh\n$ clickward sql "select\n  1" -f CSV\nA=b clickward build\n```'
    text = f"{block}\nsay `clickward loads`"
    assert list(commands(text)) == [
        'clickward sql "select\n  1" -f CSV', "clickward build", "clickward loads",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("clickward sqll 'select 1'", "no command 'sqll'"),
        ("clickward build --selekt core", "selekt"),
        ("clickward models demote x", "no command 'demote'"),
    ],
)
def test_a_wrong_command_is_caught(command: str, message: str) -> None:
    with pytest.raises(Exception, match=message):
        parse(command)


def generate(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(root / "docs" / "generate.py"), *words],
        cwd=root, text=True, capture_output=True, check=False,
    )  # fmt: skip


def test_generated_pages_are_fresh() -> None:
    done = generate(ROOT, "--check")
    assert done.returncode == 0, done.stderr


def test_a_stale_page_is_named_and_written_anew(tmp_path: Path) -> None:
    for name in (*PACKAGES, "docs", "profiles", "dbt_project"):
        shutil.copytree(
            ROOT / name,
            tmp_path / name,
            symlinks=True,
            ignore=shutil.ignore_patterns("target", "logs", "__pycache__"),
        )
    take_parsed(ROOT / "dbt_project", tmp_path / "dbt_project")
    page = tmp_path / "docs" / "reference" / "features.md"
    fresh = page.read_text()
    page.write_text(fresh.replace("| `ip__clicks_1m`", "| `ip__clicks_2m`"))
    stale = generate(tmp_path, "--check")
    assert stale.returncode == 1
    assert "docs/reference/features.md is stale" in stale.stderr
    assert "hint: run `python docs/generate.py`" in stale.stderr
    assert "docs/reference/cli.md" not in stale.stderr
    assert generate(tmp_path).returncode == 0
    assert page.read_text() == fresh


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target
