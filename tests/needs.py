"""What a test needs that a machine may lack: there it is skipped with the reason, also under CI.

`@pytest.mark.needs("torch")` on a test. `make setup-ci` installs what can be installed and fails
where it cannot, and the real clicks lie beside the checkout of whoever has them: so CI need not
ask again. A test whose needs are met is never skipped, and under CI no test is skipped for any
other reason.
"""

import importlib.util
import os
import shutil
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
REAL_CLICKS = CHECKOUT.parent / "shared" / "data" / "talkingdata" / "train_sample.csv"
NODE_CLIENT = CHECKOUT / "tests" / "integration" / "door" / "node" / "node_modules"
_missing = pytest.StashKey[bool]()


def _clicks() -> str:
    return "" if REAL_CLICKS.is_file() else "no real clicks in ../shared/data beside the checkout"


def _browser() -> str:
    absent = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"no {' and no '.join(absent)}: make setup-browser" if absent else ""


def _node() -> str:
    if shutil.which("node") is None:
        return "no node: make setup-ci"
    return "" if NODE_CLIENT.is_dir() else "no client for Node: make setup-ci"


def _torch() -> str:
    found = importlib.util.find_spec("torch")
    return "no PyTorch: make setup-deep" if found is None else ""


# Each says what is missing here, or nothing.
NEEDS: dict[str, Callable[[], str]] = {
    "real_data": _clicks, "browser": _browser, "node": _node, "torch": _torch,
}  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """The marker, so that a name nobody knows is an error."""
    config.addinivalue_line("markers", f"needs(name): skipped without it: {', '.join(NEEDS)}")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip before any fixture is made; the reasons are all that is missing."""
    reasons = [reason for name in needs_of(item) if (reason := NEEDS[name]())]
    item.stash[_missing] = bool(reasons)
    if reasons:
        pytest.skip("; ".join(reasons))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skip for any other reason is a failure under CI, and where a need is met anywhere."""
    report = yield
    must_run = os.environ.get("CI") or needs_of(item)
    if report.skipped and must_run and not item.stash.get(_missing, False):
        why = "under CI" if os.environ.get("CI") else "though what it needs is here"
        report.outcome = "failed"
        report.longrepr = f"skipped {why}: {report.longrepr}"
    return report


def needs_of(item: pytest.Item) -> list[str]:
    """Names in `NEEDS`; the marker `real_data` is one too."""
    named = [name for mark in item.iter_markers("needs") for name in mark.args]
    return named + (["real_data"] if item.get_closest_marker("real_data") else [])
