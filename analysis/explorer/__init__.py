"""The explorer: see why a model flags what it flags, from bins down to raw rows."""

from typing import Any


def __getattr__(name: str) -> Any:
    """`Explorer`, when it is asked for: the report does without a notebook's packages."""
    if name != "Explorer":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from clickward.warehouse.errors import UserError

    try:
        from clickward.analysis.explorer.widget import Explorer
    except ModuleNotFoundError as error:
        if error.name not in ("anywidget", "traitlets"):
            raise
        raise UserError(
            f"the explorer in a notebook needs {error.name}, which is not installed",
            "pip install 'clickward[notebook]', or make a page with `clickward report`",
        ) from None
    return Explorer
