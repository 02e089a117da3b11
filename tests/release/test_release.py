"""The wheel as a newcomer meets it: a new environment, an empty folder, nothing of the checkout.

`make release-check` runs this file. Its tests stand in the order of the steps.
"""

import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIRST_RELEASE = ROOT / "tests" / "cli" / "project-0.1.0.tar.gz"
DBT_BUILD = ("dbt", "build", "--project-dir", "dbt_project", "--profiles-dir", "profiles")
UV = Path(sys.executable).parent / "uv"
# What each extra brings, used as its user would.
EXTRAS = {
    "dask": "import distributed, xgboost.dask, clickward.models_ml.training.cluster.worker",
    "notebook": "from clickward.analysis.explorer import Explorer; Explorer.__mro__",
}
# Torch is large: its extra is tried where the checkout has it, as under CI.
if find_spec("torch"):
    EXTRAS["deep"] = "import torch, clickward.models_ml.estimators.torch_modules"

pytestmark = pytest.mark.full


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it, and the names that the wheel added to its folders."""

    wheel: Path
    bin: Path
    packages: Path
    before: frozenset[str]

    def added(self) -> set[str]:
        return set(names(self.bin, self.packages) - self.before)

    def run(self, place: Path, *words: str | Path, **variables: str) -> str:
        """Run a command of this environment that must succeed; what it printed."""
        done = self.attempt(place, *words, **variables)
        assert done.returncode == 0, f"{words}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout + done.stderr

    def attempt(
        self, place: Path, *words: str | Path, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        unset = ("CLICKWARD_", "DBT_", "PYTHONPATH", "VIRTUAL_ENV")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(unset)}
        environment |= {"PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}", **variables}
        program, *rest = words
        return subprocess.run(
            [self.bin / program, *rest],
            cwd=place, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip


def names(scripts: Path, packages: Path) -> frozenset[str]:
    """Commands, top-level names of packages, and the parts of dbt's namespaces."""
    inside = [packages, packages / "dbt" / "adapters", packages / "dbt" / "include"]
    found = {f"bin/{path.name}" for path in scripts.iterdir()}
    for folder in inside:
        found |= {path.relative_to(packages).as_posix() for path in folder.iterdir()}
    return frozenset(found)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The packages of requirements.lock, then the wheel, built from the sdist, and nothing else."""
    home = tmp_path_factory.mktemp("environment")
    subprocess.run([UV, "build", "--quiet", "--out-dir", home / "dist", ROOT], check=True)
    [wheel] = (home / "dist").glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", home / "env"], check=True)
    scripts = home / "env" / "bin"
    locked = ["--quiet", "--require-hashes", "-r", ROOT / "requirements.lock"]
    subprocess.run([UV, "pip", "install", "--python", scripts / "python", *locked], check=True)
    [packages] = (home / "env").glob("lib/python*/site-packages")
    before = names(scripts, packages)
    # Without an index: what the lock leaves out would be missed here.
    alone = [scripts / "python", "-m", "pip", "install", "--quiet", "--no-index", wheel]
    subprocess.run(alone, check=True)
    return Installed(wheel, scripts, packages, before)


@pytest.fixture(scope="module")
def project(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("newcomer")
    installed.run(folder, "clickward", "init")
    return folder


def test_the_wheel_adds_only_what_is_its_own(installed: Installed) -> None:
    info = f"{'-'.join(installed.wheel.name.split('-')[:2])}.dist-info"
    expected = {"bin/clickward", "clickward", info, "dbt/adapters/chdb", "dbt/include/chdb"}
    print("the wheel adds:", *sorted(installed.added()), sep="\n  ")
    assert installed.added() == expected
    planted = installed.packages / "simulator"
    planted.mkdir()
    assert installed.added() == expected | {"simulator"}
    planted.rmdir()


def test_outside_a_project_it_is_said_how_to_make_one(installed: Installed, tmp_path: Path) -> None:
    done = installed.attempt(tmp_path, "clickward", "loads")
    assert done.returncode == 2
    assert "error: no dbt_project.yml in dbt_project/ here or in any folder above" in done.stderr
    assert "hint: run `clickward init`" in done.stderr


def test_init_lays_the_files_of_the_checkout(project: Path) -> None:
    for folder in ("dbt_project", "profiles"):
        tracked = subprocess.run(
            ["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.split()
        found = {p.relative_to(project).as_posix() for p in (project / folder).rglob("*.*")}
        assert found == set(tracked)
        assert all((project / n).read_bytes() == (ROOT / n).read_bytes() for n in tracked)


def test_the_demo_runs(installed: Installed, project: Path) -> None:
    told = installed.run(project, "clickward", "demo", OMP_NUM_THREADS="1")
    assert "Recall by attack" in told
    assert "honest" in told
    assert "activate" not in told, "the environment is on the path already"
    assert (project / ".clickward" / "demo" / "report.html").is_file()
    store = str(project / ".clickward" / "demo" / "store")
    assert "PASS=" in installed.run(project, *DBT_BUILD, CLICKWARD_STORE=store)


def test_an_edited_project_is_brought_up(installed: Installed, tmp_path: Path) -> None:
    with tarfile.open(FIRST_RELEASE) as archive:
        archive.extractall(tmp_path, filter="data")
    edited = tmp_path / "dbt_project" / "models" / "core" / "clicks.sql"
    mine = edited.read_text() + "-- mine\n"
    edited.write_text(mine)
    installed.run(tmp_path, "clickward", "init", "--upgrade")
    assert edited.read_text() == mine
    assert (edited.parent / "clicks.sql.new").is_file()
    assert "PASS=" in installed.run(tmp_path, *DBT_BUILD)
    assert "0.1.0" not in installed.run(tmp_path, "clickward", "doctor").split("profile ")[0]


@pytest.mark.parametrize("extra", EXTRAS)
def test_extras_bring_what_they_need(installed: Installed, tmp_path: Path, extra: str) -> None:
    assert installed.attempt(tmp_path, "python", "-c", EXTRAS[extra]).returncode == 1
    # By pip, as a user would; only what is missing is fetched.
    wanted = f"{installed.wheel}[{extra}]"
    installed.run(tmp_path, "python", "-m", "pip", "install", "--quiet", wanted)
    installed.run(tmp_path, "python", "-c", EXTRAS[extra])
