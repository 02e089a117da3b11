"""A live JupyterLab on a copy of a store, with one notebook that shows the explorer."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat

from clickward.warehouse.connection import Warehouse
from clickward.warehouse.profile import Project

# Parts of tables are never written again, so large files may be shared with the original.
SHARED_FROM = 1 << 16
# Who the kernels say they are.
WHO = "analyst"
QUIET = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}


def copy_store(warehouse: Warehouse, store: Path, copy: Path) -> Path:
    """A store that another process can hold, beside the original that `warehouse` goes on holding.

    Meanwhile nothing is merged, and what the engine is about to remove is left out: parts that
    were merged away, and the folders of dropped tables.
    """
    warehouse.command("system stop merges")
    try:
        here = warehouse.client.query(
            "select toString(uuid) from system.tables union all"
            " select toString(uuid) from system.databases"
        ).result_rows
        gone = warehouse.client.query("select path from system.parts where not active").result_rows
        _copy_tree(store, copy, {row[0] for row in here}, {Path(row[0]).parts[-2:] for row in gone})
    finally:
        warehouse.command("system start merges")
    return copy


def _copy_tree(store: Path, copy: Path, here: set[str], gone: set[tuple[str, ...]]) -> None:
    def take(source: str, target: str) -> None:
        if Path(source).stat().st_size >= SHARED_FROM:
            os.link(source, target)
        else:
            shutil.copy2(source, target)

    passing = shutil.ignore_patterns("status", "tmp", "metadata_dropped", "tmp_*", "delete_tmp_*")

    def leave_out(folder: str, names: list[str]) -> set[str]:
        left = set(passing(folder, names))
        left |= {name for name in names if (Path(folder).name, name) in gone}
        if Path(folder).parent == store / "store":
            left |= set(names) - here
        return left

    shutil.copytree(store, copy, copy_function=take, ignore=leave_out, symlinks=True)


def write_notebook(folder: Path, code: str) -> Path:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    path = folder / "explorer.ipynb"
    nbformat.write(notebook, path)
    return path


@contextmanager
def jupyterlab(folder: Path, project: Project, store: Path, schema: str) -> Iterator[str]:
    """JupyterLab serving `folder`; its address. Its kernels use `store`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "config" / "labconfig"
    config.mkdir(parents=True)
    (config / "page_config.json").write_text(json.dumps(QUIET))
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
        "CLICKWARD_STORE": str(store),
        "CLICKWARD_SCHEMA": schema,
        "CLICKWARD_TARGET": "local",
        "DBT_PROJECT_DIR": str(project.project_dir),
        "DBT_PROFILES_DIR": str(project.profiles_dir),
        "OMP_NUM_THREADS": "1",
        "LOGNAME": WHO,
    }
    log = (folder / "jupyter.log").open("w")
    server = subprocess.Popen(
        [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
            f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=",
            f"--ServerApp.root_dir={folder}", "--LabApp.news_url=", "--LabApp.collaborative=False",
            "--ServerApp.disable_check_xsrf=True", "--LabApp.expose_app_in_browser=True",
        ],
        env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=folder,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{address}/api/status", server, folder / "jupyter.log")
        yield address
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            # Its kernels are down by then; what it waits for are connections of a browser.
            server.kill()
            server.wait(10)
        log.close()


def _wait(address: str, server: subprocess.Popen[bytes], log: Path, seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert server.poll() is None, log.read_text()[-3000:]
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not answer in {seconds:g} s: {log.read_text()[-3000:]}")
