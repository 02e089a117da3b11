"""docs/how-to/add-an-attack.md works: its code is put in place as the page says, and runs."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "how-to" / "add-an-attack.md"
MODULE = re.compile(
    r"^`simulator/attacks/(\w+)\.py`:\n\n```python\n(.*?)^```", re.MULTILINE | re.DOTALL
)
LINE = re.compile(r'^```python\n(    "(\w+)": "(\w+)",\n)```', re.MULTILINE)
SCENARIO = """
name: new
description: One actor, one new attack.
days: 4
clicks: 8_000
traffic: {{apps: 6, conversion: 0.05, organic_share: 0.5}}
actors: [{{name: newcomer, attack: {name}, budget: 0.3, ramp: 0, mimicry: 0.0}}]
verdicts: [{{name: vendor, recall: {{{name}: 0.9}}, delay_days: 1}}]
"""
RUN = """
import sys
from pathlib import Path
from clickward import simulator
assert Path(simulator.__file__).is_relative_to(Path.cwd()), simulator.__file__
simulator.simulate(simulator.load_scenario("new.yaml"), Path("world"))
"""


def put_in_place(folder: Path) -> str:
    """Copy the simulator and follow the page: write the module, add the line."""
    for name in ("clickward", "simulator", "warehouse"):
        shutil.copytree(
            ROOT / name,
            folder / name,
            symlinks=True,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    module, line = MODULE.search(PAGE.read_text()), LINE.search(PAGE.read_text())
    assert module is not None, "the page shows no module of an attack"
    assert line is not None, "the page shows no line of the table"
    name, code = module.groups()
    entry, key, cls = line.groups()
    assert key == name
    assert len(code.splitlines()) < 60
    (folder / "simulator" / "attacks" / f"{name}.py").write_text(code)
    assert cls in code
    registry = folder / "simulator" / "attack_names.py"
    text = registry.read_text()
    assert text.count("}\nNAMES") == 1
    registry.write_text(text.replace("}\nNAMES", f"{entry}}}\nNAMES"))
    return name


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The new attack's name, and a world where it is the only one."""
    folder = tmp_path_factory.mktemp("new_attack")
    name = put_in_place(folder)
    (folder / "new.yaml").write_text(SCENARIO.format(name=name))
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return name, folder / "world"


def test_its_installs_are_in_the_truth(simulated: tuple[str, Path]) -> None:
    name, world = simulated
    truth = pl.read_parquet(world / "truth.parquet")
    assert set(truth["attack"]) == {name}
    assert set(truth["actor"]) == {"newcomer"}
    # A budget of 0.3 of 8,000 clicks at a conversion of 0.05.
    assert len(truth) == pytest.approx(120, rel=0.35)


def test_its_installs_and_verdicts_are_in_the_reports(simulated: tuple[str, Path]) -> None:
    name, world = simulated
    truth = pl.read_parquet(world / "truth.parquet")
    installs = pl.read_parquet(world / "t=installs" / "*" / "*.parquet", hive_partitioning=False)
    stolen = installs.join(truth.select("appsflyer_id"), on="appsflyer_id")
    clicked = stolen["attributed_touch_time"].str.slice(11, 5)
    # The page's attack clicks in one minute of the night, but for its first day's installs.
    assert (clicked == "18:59").mean() > 0.6
    verdicts = pl.read_parquet(world / "t=detection" / "*" / "*.parquet", hive_partitioning=False)
    assert name in set(verdicts["fraud_sub_reason"])
