"""What can be loaded, read from dbt's source YAML: the one definition of raw tables."""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from clickward.warehouse.errors import UsageError
from clickward.warehouse.profile import Project
from clickward.warehouse.yaml_text import read_yaml

QUOTES = re.compile(r"""["'`\u00ab\u00b4\u00bb\u2018-\u201f]""")
SCHEMA = re.compile(r"\{\{\s*target\.schema\s*\}\}_(\w+)")


@dataclass(frozen=True)
class Column:
    """One column of a raw table.

    `is_required`: a file must have it, and a row a value in it unless `may_be_empty`. `format` is
    `datetime`, `date` (a date with or without time) or empty for any text.
    """

    name: str
    data_type: str
    header: str = ""
    is_required: bool = False
    may_be_empty: bool = False
    format: str = ""

    @property
    def is_lineage(self) -> bool:
        """True where the loader fills it, not the file."""
        return self.name.startswith("_")


@dataclass(frozen=True)
class Table:
    """One table that dbt's `on-run-start` and the loader both create."""

    stage: str
    name: str
    columns: tuple[Column, ...]
    order_by: tuple[str, ...]
    partition_by: str
    ttl_days: int


@dataclass(frozen=True)
class Report:
    """One kind of file that `clickward load SOURCE` accepts."""

    source: str
    name: str
    table: Table
    needs_timezone: bool
    aliases: tuple[str, ...]

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The columns a file may carry, by API name."""
        return {c.name: c for c in self.table.columns if not c.is_lineage}

    @cached_property
    def spellings(self) -> dict[str, str]:
        """API name of each header spelling, normalised by `normalise`."""
        titles = {normalise(c.header): c.name for c in self.columns.values() if c.header}
        return titles | {normalise(name): name for name in self.columns}

    @property
    def required(self) -> list[str]:
        return [c.name for c in self.columns.values() if c.is_required]


def normalise(header: str) -> str:
    """A header as compared: without quotes, trimmed, one space between words, case ignored."""
    return " ".join(QUOTES.sub("", header).split()).casefold()


def tables(project: Project) -> list[Table]:
    """Every table that the source YAML defines with an `order_by`."""
    return [table for table, _ in _definitions(project)]


def find_table(project: Project, stage: str, name: str) -> Table:
    """The table `name` of `stage`. Raises `UsageError` where no source YAML defines it."""
    for table in tables(project):
        if (table.stage, table.name) == (stage, name):
            return table
    raise UsageError(f"no source YAML below {project.project_dir} defines {stage}.{name}")


def reports(project: Project, source: str | None = None) -> list[Report]:
    """The reports of `source`, or of every source. Raises `UsageError` naming those known."""
    known = [
        Report(
            source=meta["load"],
            name=meta["report"],
            table=table,
            needs_timezone=bool(meta.get("needs_timezone", False)),
            aliases=tuple(meta.get("aliases", ())),
        )
        for table, meta in _definitions(project)
        if "load" in meta
    ]
    found = [report for report in known if source in (None, report.source)]
    if not found:
        names = ", ".join(sorted({report.source for report in known}))
        raise UsageError(f"unknown source {source!r}", f"sources are {names}")
    return found


def other_reports(project: Project, source: str) -> dict[str, str]:
    """Names of the vendor's reports that are not loaded, with what each of them is."""
    found: dict[str, str] = {}
    for _, entry in _sources(project):
        if any(_meta(table).get("load") == source for table in entry.get("tables", [])):
            for what, names in _meta(entry).get("not_loaded", {}).items():
                found |= dict.fromkeys(names, what)
    return found


def _sources(project: Project) -> list[tuple[Path, dict[str, Any]]]:
    paths = sorted((project.project_dir / "models").rglob("_*__sources.yml"))
    return [(path, source) for path in paths for source in _document(path).get("sources", [])]


def _definitions(project: Project) -> list[tuple[Table, dict[str, Any]]]:
    variables = _variables(project)
    found = []
    for path, source in _sources(project):
        schema = SCHEMA.fullmatch(str(source.get("schema", "")))
        for entry in source.get("tables", []):
            meta = _meta(entry)
            if schema is not None and "order_by" in meta:
                found.append((_table(path, schema[1], entry, meta, variables), meta))
    return found


def _variables(project: Project) -> dict[str, Any]:
    stated: dict[str, Any] = _document(project.project_dir / "dbt_project.yml").get("vars", {})
    return stated


def _document(path: Path) -> dict[str, Any]:
    return _parsed(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _parsed(path: Path, changed_at: int) -> dict[str, Any]:
    """The YAML of `path`, parsed anew where the file has changed."""
    return read_yaml(path) or {}


def _table(
    path: Path, stage: str, entry: dict[str, Any], meta: dict[str, Any], variables: dict[str, Any]
) -> Table:
    required = set(meta.get("required", ()))
    columns = tuple(_column(column, required) for column in entry["columns"])
    unknown = required - {column.name for column in columns}
    if unknown:
        raise UsageError(
            f"{path}: {entry['name']} requires columns it does not have: "
            f"{', '.join(sorted(unknown))}"
        )
    expires = meta.get("expires")
    if expires is not None and expires not in variables:
        raise UsageError(
            f"{path}: {entry['name']} expires after the variable {expires!r}, which is not set",
            "add it to vars in dbt_project.yml",
        )
    return Table(
        stage=stage,
        name=entry["name"],
        columns=columns,
        order_by=tuple(meta["order_by"]),
        partition_by=meta.get("partition_by", ""),
        ttl_days=_days(expires, variables[expires]) if expires is not None else 0,
    )


def _days(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UsageError(
            f"the variable {name} is {value!r}, expected whole days from 0 up",
            "mend it in vars of dbt_project.yml; 0 keeps rows for ever",
        )
    return value


def _column(entry: dict[str, Any], required: set[str]) -> Column:
    meta = _meta(entry)
    return Column(
        name=entry["name"],
        data_type=entry["data_type"],
        header=meta.get("header", ""),
        is_required=bool(meta.get("required", False)) or entry["name"] in required,
        may_be_empty=bool(meta.get("may_be_empty", False)),
        format=meta.get("format", ""),
    )


def _meta(entry: dict[str, Any]) -> dict[str, Any]:
    return (entry.get("config") or {}).get("meta") or {}
