"""`import clickward` gives the Python API, and imports nothing of it before it is asked for."""

import subprocess
import sys
from importlib import import_module

import pytest

import clickward

HEAVY = ("polars", "numpy", "sklearn", "xgboost", "chdb", "dbt", "typer")
PROBE = f"""
import sys
import clickward
loaded = [name for name in sys.modules if name.split(".")[0] in {HEAVY}]
loaded += [name for name in sys.modules if name.startswith("clickward.")]
print(*loaded)
clickward.UserError
print(*[name for name in sys.modules if name.split(".")[0] in {HEAVY}])
print("clickward.warehouse.errors" in sys.modules)
"""


def test_importing_it_imports_nothing_else() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], text=True, capture_output=True, check=True)
    assert done.stdout.splitlines() == ["clickward.renamed", "", "True"]


@pytest.mark.parametrize("name", clickward.PUBLIC)
def test_each_name_is_that_of_its_module(name: str) -> None:
    module = import_module(f"clickward.{clickward.PUBLIC[name]}")
    assert getattr(clickward, name) is getattr(module, name)
    assert (getattr(clickward, name).__doc__ or "").strip()
    assert name in dir(clickward)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'clickward' has no attribute 'trian'"):
        clickward.trian  # noqa: B018
    assert clickward.renamed.MODULES
