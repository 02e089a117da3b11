"""What a working installation needs, checked one by one."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import psutil

from clickward.warehouse.connection import connection
from clickward.warehouse.errors import UserError
from clickward.warehouse.profile import Project, read_target
from clickward.warehouse.project_files import unmerged
from clickward.warehouse.project_version import standing
from clickward.warehouse.store import resolve_store

DEFAULT_KEY_VARIABLE = "CLICKWARD_HASH_KEY"
GIGABYTE = 1_000_000_000
OLDEST_PYTHON = (3, 11)
ENGINES = ("dbt-core", "dbt-clickhouse", "clickhouse-connect", "chdb", "polars", "xgboost")


@dataclass(frozen=True)
class Finding:
    """One check: its name, `ok`, `warning` or `failed`, what was seen, and what to do."""

    check: str
    state: str
    seen: str
    advice: str = ""


def examine(project: Project) -> list[Finding]:
    """Every check in order; a check that cannot be made is itself a finding."""
    checks: list[Callable[[Project], Finding]] = [
        _python, _packages, _project, _profile, _store, _engine, _hash_key, _disk, _memory,
    ]  # fmt: skip
    return [check(project) for check in checks]


def _python(_: Project) -> Finding:
    seen = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < OLDEST_PYTHON:
        wanted = ".".join(str(part) for part in OLDEST_PYTHON)
        return Finding("python", "failed", seen, f"install clickward with Python {wanted} or later")
    return Finding("python", "ok", seen)


def _packages(_: Project) -> Finding:
    found, missing = [], []
    for name in ENGINES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding(
            "packages",
            "failed",
            f"missing: {', '.join(missing)}",
            "pip install --upgrade clickward; in a checkout make setup",
        )
    return Finding("packages", "ok", ", ".join(found))


def _project(project: Project) -> Finding:
    try:
        found = standing(project)
    except UserError as error:
        return Finding("project", "failed", error.message, error.hint or "")
    waiting = unmerged(project.project_dir.parent)
    if found.state in ("too old", "newer"):
        return Finding("project", "failed", found.seen, found.advice)
    if found.state == "older":
        return Finding("project", "warning", found.seen, found.advice)
    if waiting:
        advice = f"merge and delete {', '.join(waiting[:5])}"
        return Finding("project", "warning", f"{found.seen}; {len(waiting)} to merge", advice)
    return Finding("project", "ok", found.seen)


def _profile(project: Project) -> Finding:
    try:
        target = read_target(project)
    except UserError as error:
        return Finding("profile", "failed", error.message, error.hint or "")
    return Finding("profile", "ok", f"target {target.name} ({target.type}), schema {target.schema}")


def _store(project: Project) -> Finding:
    try:
        target = read_target(project)
    except UserError as error:
        return Finding("store", "failed", error.message, "mend the profile first")
    if not target.is_embedded:
        return Finding("store", "ok", f"{target.options['host']}:{target.options['port']}")
    store = resolve_store(target.options["path"], project.profiles_dir)
    if not store.exists():
        return Finding("store", "ok", f"{store} (not made yet)")
    size = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
    return Finding("store", "ok", f"{store}, {size / GIGABYTE:.2f} GB")


def _engine(project: Project) -> Finding:
    try:
        with connection(project) as warehouse:
            seen = f"ClickHouse {warehouse.scalar('select version()')}"
    except UserError as error:
        return Finding("engine", "failed", error.message, error.hint or "")
    return Finding("engine", "ok", seen)


def _hash_key(_: Project) -> Finding:
    key = os.environ.get(DEFAULT_KEY_VARIABLE)
    if key is not None and not key.strip():
        return Finding(
            "hash key", "failed", "it is empty", f"set {DEFAULT_KEY_VARIABLE}, or unset it"
        )
    if key:
        return Finding("hash key", "ok", f"{DEFAULT_KEY_VARIABLE} is set")
    return Finding(
        "hash key",
        "warning",
        "ids are hashed with the development key that everyone knows",
        f"set {DEFAULT_KEY_VARIABLE} to a secret before loading real traffic into a new store",
    )


def _disk(project: Project) -> Finding:
    folder = project.profiles_dir.parent
    free = shutil.disk_usage(folder).free
    seen = f"{free / GIGABYTE:.0f} GB free at {folder}"
    if free < 5 * GIGABYTE:
        return Finding("disk", "warning", seen, "free some, or move the store with CLICKWARD_STORE")
    return Finding("disk", "ok", seen)


def _memory(_: Project) -> Finding:
    memory = psutil.virtual_memory()
    seen = f"{memory.available / GIGABYTE:.0f} of {memory.total / GIGABYTE:.0f} GB available"
    if memory.available < 4 * GIGABYTE:
        return Finding(
            "memory", "warning", seen, "lower CLICKWARD_MAX_MEMORY, such as 2GB per query"
        )
    return Finding("memory", "ok", seen)
