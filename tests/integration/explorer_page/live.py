"""The explorer in a live notebook: opened, run, and what the store behind it then holds."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clickward.warehouse.profile import Project
from tests.harness import where
from tests.integration.explorer_page.browser import Page
from tests.integration.explorer_page.jupyter import WHO

STDERR = '[data-mime-type="application/vnd.jupyter.stderr"], [data-mime-type*="error"]'
# "Run All Cells" of the menu, once the notebook and its kernel are there.
RUN = """
const [name, done] = arguments;
const until = Date.now() + 80000;
(async function go() {
  const app = globalThis.jupyterapp;
  const panel = app && [...app.shell.widgets("main")].find((one) => one.context?.path === name);
  if (!panel || !panel.sessionContext.isReady || !panel.context.isReady) {
    if (Date.now() > until) done("no notebook");
    else setTimeout(go, 100);
    return;
  }
  app.shell.activateById(panel.id);
  if (!app.shell.leftCollapsed) app.shell.collapseLeft();
  app.commands.execute("notebook:run-all-cells");
  done(true);
})();
"""


def open_notebook(page: Page, address: str, notebook: str) -> None:
    """Open a notebook beside a kernel that already runs, so that no dialog asks for one, run its
    cell, and wait for the explorer."""
    session = {
        "path": notebook,
        "name": notebook,
        "type": "notebook",
        "kernel": {"name": "python3"},
    }
    request = urllib.request.Request(
        f"{address}/api/sessions",
        json.dumps(session).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 201
    page.driver.set_window_size(1400, 2000)
    page.driver.get(f"{address}/lab/workspaces/explorer/tree/{notebook}?reset")
    page.driver.set_script_timeout(90)
    assert page.driver.execute_async_script(RUN, notebook) is True
    page.wait(
        lambda: page.find_all("[data-ready]") or page.find_all(STDERR),
        "the explorer or an error",
        90,
    )
    errors = page.find_all(STDERR)
    assert page.find_all("[data-ready]"), [one.text for one in errors]


def clickward(project: Project, store: Path, schema: str, *words: str | Path) -> Any:
    """What `clickward WORDS --json` tells of a store that no process holds just now."""
    command = [
        sys.executable,
        "-m",
        "clickward.cli.main",
        *map(str, words),
        "--json",
        *where(project),
    ]
    environment: Mapping[str, str] = os.environ | {
        "CLICKWARD_STORE": str(store),
        "CLICKWARD_SCHEMA": schema,
        "LOGNAME": WHO,
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)
