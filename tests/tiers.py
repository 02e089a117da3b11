"""Which tests run when: `--tier check`, `test` or `all`, and `--group NAME` of those of `all`.

A test marked `full` is left to `make test-all`. Every test belongs to one group: that of its file
or folder, or the one that its mark `group` names.
"""

import pytest

# What `make check` runs, but for what is marked `full` or `after_check`.
QUICK = ("unit", "cli")
# Folders and files of each group; the longest match counts.
GROUPS = {
    "cli": ("cli", "integration/test_sql.py"),
    "package": ("release", "cli/test_init.py", "unit/test_"),
    "simulator": ("unit/simulator",),
    "load": ("unit/loading", "integration/loading"),
    "build": (
        "integration/test_promise_same_answer.py",
        "integration/test_promise_accounting.py",
        "integration/test_build_chunks.py",
        "integration/test_nothing_to_do.py",
        "integration/test_manifest.py",
        "integration/values",
        "integration/upgrade",
        "integration/test_secrets.py",
        "integration/test_dbt_options.py",
    ),
    "features": (
        "integration/test_promise_future.py",
        "integration/test_promise_future_everywhere.py",
        "integration/test_window_aggregates.py",
        "integration/test_as_of_join.py",
        "integration/test_as_arrived.py",
        "integration/test_features_commands.py",
        "integration/test_add_feature.py",
    ),
    "forget": ("integration/test_forget.py",),
    "models": ("unit/models_ml", "integration/test_models_"),
    "deep": (
        "unit/models_ml/test_models_deep.py",
        "integration/test_models_dask.py",
        "integration/test_models_anysize.py",
        "integration/door/test_door_dask.py",
    ),
    "marts": ("integration/marts", "integration/test_feature_drift.py"),
    "explorer": ("integration/marts/explorer", "integration/explorer_page"),
    "server": ("integration/door",),
    "kills": ("integration/test_promise_kills.py", "integration/loading/test_load_kill.py"),
    "faults": ("integration/test_planted_faults.py",),
    "demo": ("integration/test_demo.py", "integration/test_notebook.py"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--tier", choices=("check", "test", "all"), default="all")
    parser.addoption("--group", choices=sorted(GROUPS), help="only the tests of this group")


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        "full: left to `make test-all`",
        "after_check: left out of `make check`",
        "group(name): the test's group, where it is not that of its file",
    ):
        config.addinivalue_line("markers", line)


def group_of(item: pytest.Item, place: str) -> str:
    """The group of a test whose file is `place`, from the folder of the tests on.

    Raises `pytest.UsageError` where it has none.
    """
    mark = item.get_closest_marker("group")
    if mark is not None:
        if mark.args[0] not in GROUPS:
            raise pytest.UsageError(f"{item.nodeid}: no group {mark.args[0]!r} in tests/tiers.py")
        return str(mark.args[0])
    fits = [
        (len(start), group)
        for group, starts in GROUPS.items()
        for start in starts
        if place.startswith(start)
    ]
    if not fits:
        raise pytest.UsageError(f"{place} is in no group: add it to GROUPS in tests/tiers.py")
    return max(fits)[1]


def is_in_tier(item: pytest.Item, place: str, tier: str) -> bool:
    if tier == "all":
        return True
    if item.get_closest_marker("full"):
        return False
    is_later = tier == "check" and item.get_closest_marker("after_check")
    return not is_later and (tier == "test" or place.startswith(QUICK))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    tier, wanted = config.getoption("tier"), config.getoption("group")
    kept, left_out = [], []
    for item in items:
        place = item.path.relative_to(config.rootpath / "tests").as_posix()
        group = group_of(item, place)
        is_kept = is_in_tier(item, place, tier) and wanted in (None, group)
        (kept if is_kept else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
