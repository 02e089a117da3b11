"""The chart library's JavaScript, from inside its Python package."""

import functools
from importlib.metadata import version
from pathlib import Path

from clickward.warehouse.errors import UserError

# The one name under which our modules find the library.
EXPOSE = "globalThis.clickwardVega = { vega, vegaEmbed };"


@functools.cache
def chart_library(kept: Path | None = None) -> str:
    """Vega, Vega-Lite and vega-embed as one script that needs no network.

    Bundling takes seconds, so a folder `kept` keeps the script by the package's version. Raises
    `UserError` where vl-convert-python is not installed.
    """
    try:
        import vl_convert
    except ImportError:
        raise UserError(
            "the report's charts need the package vl-convert-python, which is not installed",
            "pip install clickward with its dependencies, or: pip install 'vl-convert-python>=1.9'",
        ) from None
    if kept is None:
        return str(vl_convert.javascript_bundle(EXPOSE))
    path = kept / f"vega-{version('vl-convert-python')}.js"
    if not path.is_file():
        kept.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(vl_convert.javascript_bundle(EXPOSE), encoding="utf-8")
        unfinished.rename(path)
    return path.read_text(encoding="utf-8")
