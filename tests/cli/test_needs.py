"""What is missing skips a test with the reason, also under CI; every other skip fails there."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import needs
import pytest

pytestmark = pytest.mark.after_check

Ask = Callable[..., list[str]]
CLICKS = "shared/data/talkingdata/train_sample.csv"
NODE_MODULES = "tests/integration/door/node/node_modules"
CLIENT = f"checkout/{NODE_MODULES}/package.json"
# What makes each need met, and what is said where one part of it is missing.
PARTS = {
    "real_data": {CLICKS: "no real clicks in ../shared/data beside the checkout"},
    "browser": {
        "bin/chromium": "no chromium: make setup-browser",
        "bin/chromedriver": "no chromedriver: make setup-browser",
    },
    "node": {"bin/node": "no node: make setup-ci", CLIENT: "no client for Node: make setup-ci"},
    "torch": {"library/torch.py": "no PyTorch: make setup-deep"},
}
OPTIONS = ["-p", "needs", "-p", "no:cacheprovider", "-q", "-ra", "--strict-markers"]
OPTIONS += ["-o", "markers=real_data"]
TEST = """import pytest

@pytest.mark.needs({name!r})
def test_it():
    {body}
"""


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Runs one test that needs something, where only the files `there` are; its last lines."""
    for folder in ("bin", "library", "checkout/tests", "tiny"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(needs.__file__, tmp_path / "checkout" / "tests")
    # PyTorch may be installed here: only a planted one is found.
    hide = "import sys\nif not any('library' in place for place in sys.path):\n"
    (tmp_path / "tiny" / "conftest.py").write_text(f"{hide}    sys.modules['torch'] = None\n")

    def run(test: str, there: list[str], ci: bool) -> list[str]:
        (tmp_path / "tiny" / "test_it.py").write_text(test)
        for name in there:
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("")
            file.chmod(0o755)
        places = [tmp_path / "checkout" / "tests"]
        places += [tmp_path / "library"] if "library/torch.py" in there else []
        environment = {name: os.environ[name] for name in ("HOME", "TMPDIR") if name in os.environ}
        environment |= {"PYTHONPATH": os.pathsep.join(map(str, places))}
        environment |= {"PATH": str(tmp_path / "bin")} | ({"CI": "true"} if ci else {})
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *OPTIONS, "tiny"],
            cwd=tmp_path, env=environment, text=True, capture_output=True, check=False,
        )  # fmt: skip
        lines = done.stdout.strip().splitlines()
        # Skipped tests let the run pass, failed ones do not.
        assert done.returncode == int("failed" in lines[-1] or "error" in lines[-1]), done.stdout
        return lines

    return run


@pytest.mark.parametrize(
    ("name", "missing"), [(name, part) for name, parts in PARTS.items() for part in parts]
)
def test_what_is_missing_skips_with_the_reason(name: str, missing: str, ask: Ask) -> None:
    there = [part for part in PARTS[name] if part != missing]
    *_, said, summary = ask(TEST.format(name=name, body="raise SystemExit"), there, True)
    assert said.startswith("SKIPPED [1]")
    assert said.endswith(f": {PARTS[name][missing]}")
    assert summary.startswith("1 skipped in ")


def test_all_that_is_missing_is_said(ask: Ask) -> None:
    test = TEST.replace("needs({name!r})", "needs('torch', 'browser')").format(body="pass")
    said = ask(test, [], True)[-2]
    assert said.endswith(": no PyTorch: make setup-deep; no chromium and no chromedriver:"
                         " make setup-browser")  # fmt: skip


@pytest.mark.parametrize(("name", "ci"), [*((name, True) for name in PARTS), ("torch", False)])
def test_what_is_there_runs_and_may_not_be_skipped(name: str, ci: bool, ask: Ask) -> None:
    there = list(PARTS[name])
    assert ask(TEST.format(name=name, body="pass"), there, ci)[-1].startswith("1 passed in ")
    lines = ask(TEST.format(name=name, body="pytest.skip('lazy')"), there, ci)
    assert lines[-1].startswith("1 failed in ")
    why = "under CI" if ci else "though what it needs is here"
    assert any(f"skipped {why}: " in line and "lazy" in line for line in lines)


@pytest.mark.parametrize("is_there", [True, False])
def test_the_marker_of_real_data_is_a_need(is_there: bool, ask: Ask) -> None:
    test = TEST.replace("needs({name!r})", "real_data").format(body="pytest.skip('lazy')")
    outcome = "1 failed in " if is_there else "1 skipped in "
    assert ask(test, [CLICKS] if is_there else [], True)[-1].startswith(outcome)


def test_any_other_skip_fails_under_ci_only(ask: Ask) -> None:
    test = "import pytest\n\ndef test_it():\n    pytest.skip('lazy')\n"
    assert ask(test, [], True)[-1].startswith("1 failed in ")
    assert ask(test, [], False)[-1].startswith("1 skipped in ")


def test_a_need_nobody_knows_is_an_error(ask: Ask) -> None:
    lines = ask(TEST.format(name="brwoser", body="pass"), [], False)
    assert lines[-1].startswith("1 error in ")
    assert "KeyError: 'brwoser'" in "\n".join(lines)


def test_every_need_is_tried_here() -> None:
    assert set(PARTS) == set(needs.NEEDS)


@pytest.mark.parametrize("who", ["nobody", "no apt-get"])
@pytest.mark.parametrize(
    ("target", "needed", "packages"),
    [
        ("setup-browser", ["chromium", "chromedriver"], "chromium chromium-driver"),
        (f"{NODE_MODULES}/.package-lock.json", ["node", "npm"], "nodejs npm"),
    ],
)
def test_setup_says_what_it_cannot_install(
    who: str, target: str, needed: list[str], packages: str, tmp_path: Path
) -> None:
    first, second = needed
    shell = shutil.which("sh")
    programs = {"sh": f'exec {shell} "$@"', first: "exit 0", "id": "echo 1000"}
    if who == "nobody":
        programs["apt-get"] = "exit 0"
    for name, does in programs.items():
        (tmp_path / name).write_text(f"#!{shell}\n{does}\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        [str(shutil.which("make")), "--always-make", "--silent", target],
        cwd=needs.CHECKOUT, env={"PATH": str(tmp_path)}, text=True, capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.splitlines()[:2] == [
        f"error: not found: {second}",
        f"hint: put them on the PATH; on Debian, as root: apt-get install {packages}",
    ]
    assert done.stdout == ""
