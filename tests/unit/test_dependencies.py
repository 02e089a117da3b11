"""What the product imports is what pyproject.toml declares: no more, no less."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("analysis", "cli", "warehouse", "models_ml", "server", "simulator", "dbt")
# Extras whose packages the product imports where they are installed.
OPTIONAL = ("deep", "dask", "notebook")
# Needed without being imported here, and by what.
BY_OTHERS = {"python-multipart": "starlette, to read forms"}
# Of the standard library in a later Python than the oldest we run on.
LATER = {"compression"}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(source: str) -> Iterator[str]:
    """Modules that a file imports, wherever in it, without the standard library and ourselves."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.split(".")[0] not in {*sys.stdlib_module_names, *LATER, "clickward"}:
                yield name


@cache
def owners() -> dict[str, list[str]]:
    return {name: list(map(normal, found)) for name, found in packages_distributions().items()}


def owner(module: str) -> set[str]:
    """The distributions a module may come from; of a shared name those that have its file."""
    found = set(owners().get(module.split(".")[0], []))
    if len(found) < 2:
        return found
    parts = module.split(".")
    for length in range(len(parts), 1, -1):
        stem = "/".join(parts[:length])
        files = {f"{stem}.py", f"{stem}/__init__.py"}
        having = {
            name for name in found if files & {str(file) for file in distribution(name).files or ()}
        }
        if having:
            return having
    return found


def declared() -> tuple[set[str], set[str]]:
    """Names of the packages that are always installed, and of those in an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [line for name in OPTIONAL for line in project["optional-dependencies"][name]]
    always, optional = (
        {normal(re.split(r"[^\w.-]", line)[0]) for line in lines}
        for lines in (project["dependencies"], extras)
    )
    return always, optional


def undeclared(sources: dict[str, str], known: set[str]) -> dict[str, str]:
    """Imported modules that belong to no declared package, and a file that imports each."""
    return {
        module: file
        for file, source in sources.items()
        for module in imported(source)
        if not module.startswith(("dbt.adapters.chdb", "dbt.include"))
        and not owner(module) & known
        and module.split(".")[0] not in known
    }


def product() -> dict[str, str]:
    return {
        path.relative_to(ROOT).as_posix(): path.read_text()
        for folder in PRODUCT
        for path in (ROOT / folder).rglob("*.py")
    }


def test_what_is_imported_is_declared() -> None:
    always, optional = declared()
    assert undeclared(product(), always | optional) == {}


def test_what_is_declared_is_imported() -> None:
    always, _ = declared()
    modules = {module for source in product().values() for module in imported(source)}
    used = {name for module in modules for name in owner(module)}
    assert always - used == set(BY_OTHERS)


def test_a_package_that_nobody_declares_is_found() -> None:
    always, _ = declared()
    planted = {
        "a.py": "import scipy.stats\ndef f():\n    from requests import get\n",
        "b.py": "import dbt.flags\nfrom dbt_common.clients import system\nimport json\n",
    }
    assert undeclared(planted, always) == {
        "requests.get": "a.py",
        "dbt_common.clients.system": "b.py",
    }
    assert undeclared(planted, always - {"dbt-core", "scipy"}) == {
        "scipy.stats": "a.py",
        "requests.get": "a.py",
        "dbt.flags": "b.py",
        "dbt_common.clients.system": "b.py",
    }
