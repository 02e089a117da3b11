"""How soon a threshold move is painted in Chromium: `python benchmarks/explorer_moves.py`."""

import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parent.parent))

from clickward.analysis.explorer.page import make_page  # noqa: E402
from tests.integration.explorer_page.browser import Page, open_chromium  # noqa: E402
from tests.integration.explorer_page.made_rows import make_payload, make_rows  # noqa: E402

# Each move from its event to the second frame after it: by then it is painted. `idle` is two
# frames after nothing, what the browser on this machine takes by itself.
MOVES = """
const done = arguments[arguments.length - 1];
const slider = document.querySelector("[data-control=threshold]");
const edges = arguments[0];
const told = [];
const frames = (then) => requestAnimationFrame(() => requestAnimationFrame(then));
function move() {
  if (told.length === edges.length) { done(told); return; }
  const rested = performance.now();
  frames(() => {
    const idle = performance.now() - rested;
    const began = performance.now();
    slider.value = edges[told.length];
    slider.dispatchEvent(new Event("input", {bubbles: true}));
    const script = performance.now() - began;
    frames(() => {
      told.push({idle, script, painted: performance.now() - began});
      setTimeout(move, 250);
    });
  });
}
move();
"""


def main() -> None:
    # Bins do not grow with rows: 250,000 rows fill as many cells as a report of ten million keeps.
    payload = make_payload(make_rows(250_000, 30, publishers=50))
    cells = sum(len(d["count"]) for bins in payload["bins"].values() for d in bins.values())
    page = Page(open_chromium())
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "report.html"
            path.write_text(
                make_page(json.dumps(payload).encode(), "Report", Path(folder)), "utf-8"
            )
            page.driver.get(path.as_uri())
            page.wait_ready()
            moves = page.driver.execute_async_script(MOVES, [*range(60, 98, 2)])
    finally:
        page.driver.quit()
    figures: dict[str, dict[str, float]] = {"median_ms": {}, "slowest_ms": {}}
    for part in ("idle", "script", "painted"):
        ordered = sorted(move[part] for move in moves)
        figures["median_ms"][part] = round(ordered[len(ordered) // 2], 1)
        figures["slowest_ms"][part] = round(ordered[-1], 1)
    print(json.dumps({"name": "explorer_moves", "cells": cells, **figures}))


if __name__ == "__main__":
    main()
