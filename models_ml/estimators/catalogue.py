"""What every family says of itself, as data for the command line and the documentation."""

from typing import Any

from clickward.models_ml.estimators import FAMILIES, family, is_installed


def catalogue() -> list[dict[str, Any]]:
    """One object for each family, in the order of `FAMILIES`.

    Keys: name, kind, is_supervised, is_calibrated, library, extra, is_installed, max_rows,
    reads_sequences, summary (the docstring's first sentence), parameters (with their defaults),
    may_be (what each may be, in words) and search_space (each with its type and limits).
    """
    return [describe(name) for name in FAMILIES]


def describe(name: str) -> dict[str, Any]:
    """What one family says of itself."""
    kind = family(name)
    return {
        "name": name,
        "kind": kind.kind,
        "is_supervised": kind.is_supervised,
        "is_calibrated": kind.is_calibrated,
        "library": kind.library,
        "extra": kind.extra,
        "is_installed": is_installed(name),
        "max_rows": kind.max_rows,
        "reads_sequences": kind.reads_sequences,
        "summary": (kind.__doc__ or "").strip().splitlines()[0],
        "parameters": kind().get_params(),
        "may_be": {name: one.words() for name, one in kind.hyper_parameters.items()},
        "search_space": {
            parameter: {"type": type(values).__name__.lower()} | vars(values)
            for parameter, values in kind.search_space.items()
        },
    }
