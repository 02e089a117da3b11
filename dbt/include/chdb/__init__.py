"""Where dbt finds the adapter's own macros."""

from pathlib import Path

PACKAGE_PATH = str(Path(__file__).parent)
