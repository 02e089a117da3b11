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
import yaml
from harness import take_parsed

from clickward.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("clickward", "analysis", "cli", "models_ml", "server", "simulator", "warehouse")
PAGES = sorted(
    page for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md") for page in ROOT.glob(pattern)
)
FOLDERS = (*PACKAGES, "benchmarks", "dbt", "dbt_project", "docs", "profiles", "tests")
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


def links(text: str) -> list[str]:
    """What a text links to, without anchors and the web."""
    return re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)


def pages_of_the_readme() -> list[Path]:
    readme = (ROOT / "README.md").read_text()
    return [ROOT / target for target in links(readme) if target.endswith(".md")]


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page.read_text()):
        assert (page.parent / target).exists(), target


def test_files_that_pages_and_code_name_are_there() -> None:
    """But for changes, which tell of former files, and how-tos that make new ones."""
    told = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]+)`")
    pages = [p for p in PAGES if p.name != "CHANGELOG.md" and not p.name.startswith("add-")]
    named = [(page, name) for page in pages for name in told.findall(page.read_text())]
    hinted = re.compile(r"docs/[\w/-]+\.(?:md|json|ipynb)")
    for folder in (*PACKAGES[1:], "dbt", "dbt_project", "profiles"):
        for file in (ROOT / folder).rglob("*"):
            if file.suffix in (".py", ".sql", ".yml") and not {"target", "logs"} & {*file.parts}:
                named += [(file, name) for name in hinted.findall(file.read_text())]
    named = [(file, name) for file, name in named if not {"target", "logs"} & {*name.split("/")}]
    assert len(named) > 60
    assert [(str(file), name) for file, name in named if not (ROOT / name).exists()] == []


def test_every_page_is_in_the_index_and_the_readme_is_short() -> None:
    index = ROOT / "docs" / "index.md"
    pages = {*ROOT.glob("docs/*/*.md"), ROOT / "docs" / "glossary.md"}
    assert pages <= {(index.parent / target).resolve() for target in links(index.read_text())}
    readme = (ROOT / "README.md").read_text()
    assert "docs/index.md" in links(readme)
    assert len(readme.splitlines()) <= 160


@pytest.mark.parametrize(
    ("question", "file", "decides"),
    [
        ("late row", "dbt_project/macros/days/days_to_build.sql", "{% macro days_to_build("),
        ("threshold is chosen", "models_ml/evaluation/thresholds.py", "def choose("),
        ("columns the install features", "dbt_project/models/feature_sets/fs_install.sql", "feat_"),
    ],
)
def test_two_steps_lead_to_the_file_that_decides(question: str, file: str, decides: str) -> None:
    """From the README to a page, and from the line that asks to the file."""
    found = [
        line
        for page in pages_of_the_readme()
        for line in page.read_text().splitlines()
        if question in line
        and any((page.parent / target).resolve() == ROOT / file for target in links(line))
    ]
    assert found, f"no page that the README links to answers {question!r}"
    assert decides in (ROOT / file).read_text()


def test_two_steps_lead_to_each_column_of_the_install_features() -> None:
    """The catalogue's section of each column links to the model that makes it."""
    catalogue = ROOT / "docs" / "reference" / "features.md"
    assert catalogue in pages_of_the_readme()
    sections = re.split(r"^### ", catalogue.read_text(), flags=re.MULTILINE)
    feature_set = (ROOT / "dbt_project/models/feature_sets/fs_install.sql").read_text()
    models = re.findall(r'"(feat_\w+)"', feature_set)
    assert len(models) > 10
    for model in models:
        (file,) = ROOT.glob(f"dbt_project/models/features/*/{model}.sql")
        (section,) = {text for text in sections if text.startswith(f"{model}\n")}
        assert file in {(catalogue.parent / target).resolve() for target in links(section)}
        (about,) = yaml.safe_load(file.with_suffix(".yml").read_text())["models"]
        columns = [c["name"] for c in about["columns"] if "__" in c["name"]]
        assert columns
        for column in columns:
            assert f"| `{column}`" in section


@pytest.mark.after_check
def test_the_site_builds_and_a_dead_link_ends_it(tmp_path: Path) -> None:
    """A copy whose pages beside `docs/` are links to the checkout's."""
    for path in ROOT.iterdir():
        if path.name not in ("docs", "mkdocs.yml"):
            (tmp_path / path.name).symlink_to(path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    good, site = mkdocs(tmp_path)
    assert good.returncode == 0, good.stderr
    where = (site / "explanation" / "where.html").read_text()
    assert "../project/models_ml/evaluation/thresholds.py.html" in where
    code = (site / "project/models_ml/evaluation/thresholds.py.html").read_text()
    assert "by_capacity" in code
    with (tmp_path / "docs" / "glossary.md").open("a") as page:
        page.write("\n[a](nowhere.md) [b](index.md#nothing) [c](../models_ml/nothing.py)")
    bad, _ = mkdocs(tmp_path)
    assert bad.returncode != 0
    for target in ("nowhere.md", "#nothing", "models_ml/nothing.py"):
        assert target in bad.stderr


def mkdocs(folder: Path) -> tuple[subprocess.CompletedProcess[str], Path]:
    site = folder / "built"
    words = ["-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, text=True, capture_output=True, check=False,
    )  # fmt: skip
    return done, site
