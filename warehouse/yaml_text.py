"""YAML as people write it: read safely, refused where it unpacks to more than it says."""

from pathlib import Path
from typing import Any

import yaml

from clickward.warehouse.errors import UsageError

# libyaml's loader is ten times as fast; a wheel without it still has the other one.
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
LONGEST = 4 << 20
DEEPEST = 100
# What YAML's own constructors let through where a text is no value of its type: `!!int x`.
UNMADE = (ValueError, LookupError, AttributeError, TypeError, ArithmeticError)
MOST_NODES = 1_000_000


def read_yaml(path: Path, hint: str | None = None) -> Any:
    """The content of a YAML file. Raises `UsageError` as `parse_yaml` does."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not YAML: {error}", hint) from error
    return parse_yaml(text, str(path), hint)


def parse_yaml(text: str, name: str, hint: str | None = None) -> Any:
    """What the YAML `text` says; `name` tells in errors where it stands, `hint` what to do.

    Raises `UsageError` where it is not YAML, has a value that is none of its type, is very long or
    deep, or where its aliases unpack to
    more than a million values or to a value inside itself: whoever walks through such a document
    does not come to an end.
    """
    if len(text) > LONGEST:
        raise UsageError(f"{name}: has {len(text) >> 20} MiB, expected {LONGEST >> 20} at most")
    try:
        _measure(text, name)
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise UsageError(f"{name} is not YAML: {' '.join(str(error).split())}", hint) from error
    except UNMADE as error:
        raise UsageError(
            f"{name} is not YAML: a value is none of its type"
            f" ({type(error).__name__}: {' '.join(str(error).split())})",
            hint,
        ) from error


def _measure(text: str, name: str) -> None:
    """Count values with aliases unpacked, from the parser's events: nothing is built of them."""
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []
    total = 0
    for event in yaml.parse(text, Loader):
        if isinstance(event, yaml.AliasEvent):
            # An anchor that is still open is none yet: the alias stands inside of what it names.
            if any(event.anchor == anchor for anchor, _ in open_nodes):
                raise UsageError(f"{name}: the alias *{event.anchor} stands inside what it names")
            total += sizes.get(str(event.anchor), 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, total))
            total += 1
            if len(open_nodes) > DEEPEST:
                raise UsageError(f"{name}: is nested more than {DEEPEST} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor is not None:
                sizes[anchor] = total - before
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            if event.anchor is not None:
                sizes[event.anchor] = 1
        if total > MOST_NODES:
            raise UsageError(
                f"{name}: its aliases unpack to more than {MOST_NODES:,} values",
                "write out what it should say, without aliases of aliases",
            )
