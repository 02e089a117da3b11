"""Writes the pages made from the code, in docs/reference: cli, features, models and python-api.

python docs/generate.py            write them
python docs/generate.py --check    exit 1 where one is stale, and say which
"""

import argparse
import difflib
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from clickward.warehouse.contracts import Feature, list_features, read_feature_set, read_manifest  # noqa: E402
from clickward.warehouse.profile import find_project  # noqa: E402

NOTE = "<!-- Made from the code; `python docs/generate.py` writes it anew. -->"
SHARED = ("target", "project_dir", "profiles_dir", "debug")


def main() -> int:
    """Write the pages, or with --check compare them; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write the pages made from the code.")
    parser.add_argument("--check", action="store_true", help="only say which page is stale")
    check = parser.parse_args().check
    stale = False
    for name, make in PAGES.items():
        path = ROOT / "docs" / name
        wanted = make()
        found = path.read_text() if path.is_file() else ""
        if found == wanted:
            continue
        if check:
            stale = True
            print(f"docs/{name} is stale: {_first_difference(found, wanted)}", file=sys.stderr)
        else:
            path.write_text(wanted)
            print(f"wrote docs/{name}", file=sys.stderr)
    if stale:
        print("hint: run `python docs/generate.py` and commit the pages", file=sys.stderr)
    return int(stale)


def cli_page() -> str:
    """The command line, read from the Typer application and not from its printed help."""
    import typer.main

    from clickward.cli.main import app

    group: Any = typer.main.get_command(app)
    lines = [
        "# Command line",
        "",
        NOTE,
        "",
        "The verbs stand in the order of the data. Data go to stdout, talk to stderr.",
        "Exit codes: 0 ok, 1 data or query, 2 usage, 3 no connection, 130 interrupted.",
        "",
        "Every command but `init` and `simulate` also takes:",
        "",
    ]
    shared = next(p for name, p in _commands(group) if {o.name for o in p.params} >= set(SHARED))
    lines += _options([option for option in shared.params if option.name in SHARED])
    for name, command in _commands(group):
        lines += ["", f"## {name}", "", *_help(command), "", *_usage(name, command)]
        own = [p for p in command.params if p.name not in (*SHARED, "help")]
        if own:
            lines += ["", *_options(own)]
    return "\n".join(lines) + "\n"


def _commands(group: Any, prefix: str = "clickward") -> Iterator[tuple[str, Any]]:
    """Every runnable command with its full name, in the order of the application."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def _help(command: Any) -> list[str]:
    """The docstring; its examples as a block of code."""
    lines: list[str] = []
    examples: list[str] = []
    in_examples = continues = False
    for line in (command.help or "").replace("\b", "").splitlines():
        text = line.strip()
        if continues or text.startswith("clickward "):
            examples.append(text if not continues else f"    {text}")
            continues = text.endswith("\\")
        elif text in ("Examples:", "Example:"):
            in_examples = True
        elif not (in_examples and not text):
            in_examples = False
            lines.append(text)
    text_lines = _squeeze(lines)
    return [*text_lines, "", "```sh", *examples, "```"] if examples else text_lines


def _squeeze(lines: list[str]) -> list[str]:
    """No blank line first, last, or twice in a row."""
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    return kept[:-1] if kept and not kept[-1] else kept


def _usage(name: str, command: Any) -> list[str]:
    words = [name, "[OPTIONS]"]
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            word = (parameter.metavar or parameter.name).strip("{}").upper()
            words.append(f"{word}..." if parameter.nargs == -1 else word)
    return [f"Usage: `{' '.join(words)}`"]


def _options(parameters: list[Any]) -> list[str]:
    rows = []
    for parameter in parameters:
        if parameter.param_type_name == "argument":
            name = f"`{(parameter.metavar or parameter.name).strip('{}').upper()}`"
        else:
            name = ", ".join(f"`{option}`" for option in [*parameter.opts])
        default = parameter.default
        if isinstance(default, datetime):
            default = default.date()
        is_flag = getattr(parameter, "is_flag", False)
        if parameter.required:
            shown = "required"
        elif default is None or is_flag or callable(default):
            shown = ""
        else:
            shown = f"`{default}`"
        rows.append([name, _cell(getattr(parameter, "help", "") or ""), shown])
    return _table(["option", "what it does", "default"], rows)


def features_page() -> str:
    """The features as each model states them, with what its YAML says."""
    project = find_project(str(ROOT / "dbt_project"), str(ROOT / "profiles"), "local")
    features = list_features(project)
    nodes = read_manifest(project)["nodes"].values()
    files = {node["name"]: node["original_file_path"] for node in nodes}
    names = sorted(node["name"] for node in nodes if node["name"].startswith("fs_"))
    sets = {name: read_feature_set(project, name) for name in names}
    lines = [
        "# Feature catalogue",
        "",
        NOTE,
        "",
        f"{len(features)} features in {len({f.model for f in features})} models.",
        "A window of `1h` holds the events of the hour before the subject, the subject itself left",
        "out. A subject whose key is unknown has no window: its features are NULL, counts too.",
        "**†** marks a feature that encodes a rule by which verdicts are made: read results with",
        "and without it. Below a heading stands the file that makes its columns: change them",
        "there ([how](../how-to/add-a-feature.md)).",
    ]
    used: set[str] = set()
    for name, feature_set in sets.items():
        models = list(dict.fromkeys(feature.model for feature in feature_set.features))
        used |= set(models)
        lines += [
            "",
            f"## {name}",
            "",
            _file(files[name]),
            "",
            f"{len(feature_set.features)} features of each {feature_set.subject};"
            f" target `{feature_set.target}`, decided {_decided(feature_set.decision_at)}.",
        ]
        for model in models:
            lines += _model([f for f in features if f.model == model], files[model])
    unused = sorted({feature.model for feature in features} - used)
    if unused:
        lines += ["", "## In no feature set"]
        for model in unused:
            lines += _model([f for f in features if f.model == model], files[model])
    return "\n".join(lines) + "\n"


def models_page() -> str:
    """The model families as their classes state them."""
    from clickward.models_ml.estimators import FAMILIES, family
    from clickward.models_ml.estimators.catalogue import describe

    facts = [describe(name) for name in FAMILIES]
    rows = [
        [
            f"[`{one['name']}`](#{one['name']})",
            one["kind"],
            one["library"] + (f" (extra `{one['extra']}`)" if one["extra"] else ""),
            f"{one['max_rows']:,}" if one["max_rows"] else "all",
            "yes" if one["is_calibrated"] else "",
            _cell(one["summary"]),
        ]
        for one in facts
    ]
    header = ["family", "kind", "library", "rows learnt from", "probability", "what it is"]
    lines = [
        "# Model families",
        "",
        NOTE,
        "",
        "Above its number of rows a family learns from a seeded subsample, stratified by label",
        "where it sees labels; the artifact says how many of how many. Without a probability a",
        "score ranks rows only. `clickward models list --available --json` gives this as data.",
        "",
        *_table(header, rows),
    ]
    for one in facts:
        text = inspect.getdoc(family(one["name"])) or ""
        lines += ["", f"## {one['name']}", "", text, ""]
        space = one["search_space"]
        lines += _table(
            ["parameter", "default", "may be", "worth trying"],
            [
                [f"`{name}`", f"`{value}`", one["may_be"].get(name, ""), _range(space.get(name))]
                for name, value in one["parameters"].items()
            ],
        )
    return "\n".join(lines) + "\n"


def _range(values: dict[str, Any] | None) -> str:
    if values is None:
        return ""
    if "values" in values:
        return ", ".join(f"`{value}`" for value in values["values"])
    return f"{values['low']:g} to {values['high']:g}" + (", log scale" if values["log"] else "")


def _decided(decision_at: str) -> str:
    return "at its own time" if decision_at[:-1] == "0" else f"{decision_at} after its own time"


def _file(path: str) -> str:
    return f"[`{path}`](../../dbt_project/{path})"


def _model(features: list[Feature], path: str) -> list[str]:
    rows = [
        [
            f"`{feature.name}`{' †' if feature.encodes_rule else ''}",
            _cell(feature.description),
            feature.window,
            ", ".join(feature.attacks),
        ]
        for feature in features
    ]
    windows = dict.fromkeys((f.events, f.keys) for f in features if f.keys)
    notes = [
        f"Reads `{events}` of the same {', '.join(f'`{key}`' for key in keys)}; NULL where"
        f" {'one of them' if len(keys) > 1 else 'it'} is unknown."
        for events, keys in windows
    ]
    after = {feature.available_after for feature in features} - {"0", "0d"}
    if after:
        notes.append(f"Available {', '.join(sorted(after))} after the event.")
    note = ["", " ".join(notes)] if notes else []
    header = ["feature", "description", "window", "attacks"]
    return ["", f"### {features[0].model}", "", _file(path), *note, "", *_table(header, rows)]


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _first_difference(found: str, wanted: str) -> str:
    if not found:
        return "it is missing"
    changed = [
        line
        for line in difflib.unified_diff(found.splitlines(), wanted.splitlines(), lineterm="", n=0)
        if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    return f"{len(changed)} line(s) differ, first {changed[0][:100]!r}"


def python_page() -> str:
    """The names of `import clickward`, in its order, with the docstrings of what they stand for."""
    import clickward

    lines = [
        "# Python",
        "",
        NOTE,
        "",
        "What `import clickward` gives. A name's module is imported when the name is first used.",
        "Examples are in [use it from Python](../how-to/use-from-python.md). Other modules can be",
        "imported too; where one moves, its old path works with a warning for a minor version.",
    ]
    for name, module in clickward.PUBLIC.items():
        found = getattr(clickward, name)
        text = inspect.cleandoc(found.__doc__ or "")
        lines += ["", f"## {name}", "", f"`{_signature(name, found)}`", "", text, ""]
        lines.append(f"In `clickward.{module}`.")
    return "\n".join(lines) + "\n"


def _signature(name: str, found: Any) -> str:
    """Parameters with their defaults; `…` for one that is not a plain value."""
    words = []
    for parameter in inspect.signature(found).parameters.values():
        default = parameter.default
        is_plain = default is None or isinstance(default, str | int | float | tuple)
        shown = f"={default!r}" if is_plain else "=…"
        words.append(f"{parameter}".split(":")[0].split("=")[0].strip())
        words[-1] += "" if default is parameter.empty else shown
    return f"{name}({', '.join(words)})"


PAGES: dict[str, Callable[[], str]] = {
    "reference/cli.md": cli_page,
    "reference/features.md": features_page,
    "reference/models.md": models_page,
    "reference/python-api.md": python_page,
}

if __name__ == "__main__":
    os.environ.setdefault("CLICKWARD_STORE", ".clickward/store")
    sys.exit(main())
