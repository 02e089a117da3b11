"""Joins our ES modules into one script, for a page without network and a notebook."""

import re
from pathlib import Path

STATIC = Path(__file__).parent / "static"
_IMPORT = re.compile(r'^import \{([^}]+)\} from "\./([\w-]+\.js)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?:async )?(?:function|const) (\w+)", re.MULTILINE)
_DEFAULT = re.compile(r"^export default ", re.MULTILINE)


def joined(entry: str) -> str:
    """The script of `entry` and all it imports, each module in a scope of its own.

    Our modules keep to `import {a, b} from "./x.js"`, `export function` and `export const`, and an
    entry may have one `export default {...}`. Raises `ValueError` at anything else, at a circle,
    and where a name is imported that is not exported.
    """
    order: list[str] = []
    _visit(entry, (), order)
    exports = {name: _EXPORT.findall(_read(name)) for name in order}
    parts = [_scoped(name, exports) for name in order[:-1]]
    return "\n".join([*parts, _body(entry, exports)])


def _visit(name: str, above: tuple[str, ...], order: list[str]) -> None:
    """Modules with what they import before them."""
    if name in above:
        raise ValueError(f"{' imports '.join([*above, name])}: modules import in a circle")
    if name in order:
        return
    for _, imported in _IMPORT.findall(_read(name)):
        _visit(imported, (*above, name), order)
    order.append(name)


def _scoped(name: str, exports: dict[str, list[str]]) -> str:
    body = _DEFAULT.sub("const unused = ", _body(name, exports))
    return (
        f"const {_variable(name)} = (() => {{\n{body}\nreturn {{ {', '.join(exports[name])} }};"
        "\n})();"
    )


def _body(name: str, exports: dict[str, list[str]]) -> str:
    def imported(found: re.Match[str]) -> str:
        names = [one.strip() for one in found[1].split(",")]
        missing = set(names) - set(exports[found[2]])
        if missing:
            raise ValueError(f"{name} imports {', '.join(missing)}, which {found[2]} lacks")
        return f"const {{ {', '.join(names)} }} = {_variable(found[2])};"

    text = _IMPORT.sub(imported, _read(name))
    text = re.sub(r"^export (?!default )", "", text, flags=re.MULTILINE)
    left = re.search(r"^(import|export \{).*$", text, re.MULTILINE)
    if left:
        raise ValueError(f"{name}: cannot join {left[0]!r}")
    return text.strip()


def _variable(name: str) -> str:
    return f"module_{name.removesuffix('.js').replace('-', '_')}"


def _read(name: str) -> str:
    return (STATIC / name).read_text()
