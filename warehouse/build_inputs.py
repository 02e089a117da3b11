"""What a build is made of besides the store: files, variables, environment, versions."""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.profile import Project

PACKAGES = ("clickward", "dbt-core", "dbt-adapters", "dbt-common", "dbt-clickhouse")
ENV_VAR = re.compile(r"""env_var\(\s*["'](\w+)["']""")
# Says what macros take as passed: set by a build itself.
TESTS_AMONG = "CLICKWARD_TESTS_AMONG"
TESTS_ALL = "CLICKWARD_TESTS_ALL"
# Where the store lies and how errors are shown change nothing in the store.
WITHOUT_EFFECT = {"CLICKWARD_STORE", "CLICKWARD_DEBUG", TESTS_AMONG, TESTS_ALL}


def surroundings(warehouse: Warehouse, variables: Mapping[str, Any]) -> dict[str, str]:
    """A digest of each part: `file models/core/clicks.sql`, `environment CLICKWARD_SCHEMA` …"""
    project = warehouse.project
    files = {str(path.relative_to(project.project_dir)): path for path in _files(project)}
    texts = {f"file {name}": path.read_bytes() for name, path in files.items()}
    texts["profile"] = (project.profiles_dir / "profiles.yml").read_bytes()
    named = {name for text in texts.values() for name in ENV_VAR.findall(text.decode("latin-1"))}
    return {
        **{name: _digest(text) for name, text in texts.items()},
        "target": warehouse.target.name,
        "variables": _digest(json.dumps(variables, default=str, sort_keys=True).encode()),
        **_environment(named),
        **{f"version of {package}": version(package) for package in PACKAGES},
        "version of the engine": str(warehouse.scalar("select version()")),
    }


def beside_files(parts: Mapping[str, str]) -> str:
    """One digest of what may change a test's answer and is not in its SQL."""
    apart = sorted(
        part for part in parts.items() if not part[0].startswith(("file ", "variables", "table "))
    )
    return _digest(json.dumps(apart).encode())


def _files(project: Project) -> Iterator[Path]:
    """The project's files, without what dbt writes."""
    written = {
        project.project_dir / "target",
        project.project_dir / "logs",
        project.target_path,
        project.log_path.parent,
    }
    seen: set[Path] = set()
    for folder, names, files in os.walk(project.project_dir, followlinks=True):
        # A link may lead to a folder above it.
        seen.add(Path(folder).resolve())
        names[:] = sorted(
            name
            for name in names
            if Path(folder, name) not in written and Path(folder, name).resolve() not in seen
        )
        # An editor's lock is a link to nowhere.
        paths = (Path(folder, name) for name in sorted(files))
        yield from (path for path in paths if path.is_file())


def _environment(named: set[str]) -> dict[str, str]:
    """Of variables that may hold secrets: a digest that is costly to guess them by."""
    ours = {name for name in os.environ if name.startswith(("CLICKWARD_", "DBT_"))}
    return {
        f"environment {name}": hashlib.scrypt(
            os.environ[name].encode(), salt=name.encode(), n=1024, r=8, p=1, dklen=8
        ).hex()
        for name in sorted((ours | named) - WITHOUT_EFFECT)
        if name in os.environ
    }


def _digest(text: bytes) -> str:
    return hashlib.blake2b(text, digest_size=8).hexdigest()
